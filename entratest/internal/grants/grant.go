// Package grants stores the authorization codes and refresh tokens by which users have granted access
// to the application.
package grants

import (
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/claims"
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
)

// Grant is the access that a user has granted to the app by one sign-in. It is immutable.
type Grant struct {
	Account  *directory.Account
	Sessions int // the account's number of revocations when granted
	Granted  time.Time
	Scopes   []scopes.Scope
	SPA      bool // to a single-page app
	Nonce    string
	SID      string
	AuthTime time.Time
	MaxAge   time.Duration // of the request; 0 if it has none
	ACRs     []string      // authentication contexts satisfied and requested
	IDToken  claims.Wanted // claims that the request adds to the ID token
}

// Dead reports whether the account is disabled or was revoked after the grant.
func (g *Grant) Dead() bool { return g.Check() != nil }

// Check returns an error if the grant must not be used.
func (g *Grant) Check() *aadsts.Error {
	switch state := g.Account.State(); {
	case state.Disabled:
		return aadsts.New(50057)
	case state.Sessions != g.Sessions:
		return expired(g, state.ValidFrom)
	default:
		return nil
	}
}

// Satisfies checks whether the grant meets the requirements in the claims parameter of the token call.
// If the sign-in was too long ago or not strong enough, the user has to sign in again.
func (g *Grant) Satisfies(demand claims.Request) *aadsts.Error {
	since, lacking := demand.NotBefore(), demand.Lacking(g.ACRs)
	switch {
	case g.AuthTime.Before(since):
		return expired(g, since)
	case len(lacking) > 0:
		fail := aadsts.New(50076, scopes.GraphAppID)
		fail.Claims = claims.DemandContext(lacking[0])
		return fail
	default:
		return nil
	}
}

func expired(g *Grant, since time.Time) *aadsts.Error {
	return aadsts.New(50173, g.Granted.UTC().Format(time.RFC3339), since.UTC().Format(time.RFC3339))
}
