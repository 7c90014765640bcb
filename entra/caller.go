package entra

import (
	"slices"

	"github.com/fibermsal/fibermsal/internal/api"
	"github.com/fibermsal/fibermsal/internal/autherr"
)

// Callers are the kinds of callers that a route accepts, for RequireFrom. Combine them with |.
type Callers = api.Callers

const (
	// Sessions are users with a session, identified by the session cookie.
	Sessions = api.Sessions
	// UserTokens are clients that call on behalf of a user, with an access token for this API in the
	// Authorization header.
	UserTokens = api.UserTokens
	// AppTokens are apps that call without a user, with an access token of their own: daemons and other
	// services.
	AppTokens = api.AppTokens
)

// RequireFrom returns a function that returns nil if the caller of a request is accepted and passes all
// checks, which run in the given order. It keeps a copy of checks.
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
