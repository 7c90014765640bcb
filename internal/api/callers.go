// Package api serves clients that call an app's API with access tokens. It reads and caches their
// tokens, and writes challenges that tell clients how to get other tokens. It implements RFC 6750, RFC
// 9470 and RFC 9728.
package api

import (
	"errors"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/session"
)

// Callers are kinds of callers. Combine them with |.
type Callers uint8

// The kinds of callers.
const (
	Sessions Callers = 1 << iota
	UserTokens
	AppTokens
)

// All are all kinds of callers.
const All = Sessions | UserTokens | AppTokens

// HaveTokens reports whether callers with access tokens are among them.
func (c Callers) HaveTokens() bool { return c&(UserTokens|AppTokens) != 0 }

// Check returns an error if a caller with an access token is not among them.
func (c Callers) Check(caller *session.Session) error {
	switch app := caller.User.AppOnly; {
	case app && c&AppTokens == 0:
		return autherr.Forbidden.New("app_token", errors.New("the token is an app's own, and the route accepts users only"))
	case !app && c&UserTokens == 0:
		return autherr.Forbidden.New("user_token", errors.New("the token is a user's, and the route accepts apps only"))
	}
	return nil
}
