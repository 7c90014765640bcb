package signin

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/claims"
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/pages"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
	"github.com/fibermsal/fibermsal/entratest/internal/sso"
)

// request is a validated authorization request, or one for an administrator's consent.
type request struct {
	action      string // target of the forms of its pages
	tenants     []*directory.Tenant
	params      url.Values
	redirectURI string
	mode        string
	prompt      string
	scopes      []scopes.Scope
	hint        *directory.Account
	claims      claims.Request
	maxAge      time.Duration // negative without max_age
	admin       bool          // asks for an administrator's consent
}

// form returns the fields that the request's pages contain.
func (req *request) form() pages.Form { return pages.Form{Action: req.action, Params: req.params} }

// accepts reports whether a login is good enough without signing in again: recent enough for max_age and for
// a challenge after a revocation, and of the hinted domain. max_age=0 is prompt=login.
func (req *request) accepts(login *sso.Login) bool {
	recent := req.maxAge < 0 || (req.maxAge > 0 && time.Since(login.AuthTime) <= req.maxAge)
	return recent && !login.AuthTime.Before(req.claims.NotBefore()) && req.ofDomain(login.Account)
}

// ofDomain reports whether domain_hint matches the account. It is organizations, consumers, or a domain
// of a tenant. entra: other hints have no effect.
func (req *request) ofDomain(a *directory.Account) bool {
	hint := strings.ToLower(req.params.Get("domain_hint"))
	switch {
	case hint == "organizations":
		return a.Tenant.ID != directory.Consumers
	case hint == "consumers":
		return a.Tenant.ID == directory.Consumers
	case !slices.ContainsFunc(req.tenants, func(t *directory.Tenant) bool { return t.HasDomain(hint) }):
		return true
	default:
		return a.Domain() == hint
	}
}

// pick returns the login that can be used without asking the user, which is that of the hinted account,
// or the only one.
func (req *request) pick(signedIn []*sso.Login) *sso.Login {
	if req.hint == nil && len(signedIn) == 1 {
		return signedIn[0]
	}
	return loginOf(signedIn, req.hint)
}

// loginOf returns the account's login, or nil.
func loginOf(signedIn []*sso.Login, a *directory.Account) *sso.Login {
	for _, one := range signedIn {
		if one.Account == a {
			return one
		}
	}
	return nil
}
