package entra

import (
	"slices"

	"github.com/fibermsal/fibermsal/internal/api"
	"github.com/fibermsal/fibermsal/internal/autherr"
)

// Callers are the kinds of callers that a route accepts, for RequireFrom of a face. Kinds are combined
// by |.
type Callers = api.Callers

const (
	// Sessions are users with a session, whose cookie the request has.
	Sessions = api.Sessions
	// UserTokens are users for whom a client calls, with an access token for this API in the header
	// Authorization.
	UserTokens = api.UserTokens
	// AppTokens are apps that call as themselves, with such a token: daemons and other services.
	AppTokens = api.AppTokens
)

// RequireFrom returns a function that returns nil for a request of an accepted caller who passes all
// checks, in their order. It keeps a copy of checks.
func RequireFrom[C Locals](accepted Callers, checks []Check[C]) func(c C) error {
	checks = slices.Clone(checks) // the caller's slice may be overwritten by an append
	if accepted == 0 || accepted&^api.All != 0 {
		panic("fibermsal: RequireFrom: name the callers: Sessions, UserTokens, AppTokens")
	}
	return func(c C) error {
		v := visitOf(c)
		if v == nil {
			return autherr.NotMounted("RequireFrom")
		}
		s, err := v.Caller(accepted)
		if err != nil {
			return err
		}
		return passes(c, s, checks)
	}
}
