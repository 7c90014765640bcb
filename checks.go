package fibermsal

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/entra"
)

// Check decides whether a signed-in user may proceed: if it returns nil, the request proceeds. The
// middleware answers an [*Error] with its Status and Code; other errors go to the app's ErrorHandler. A
// Check may do I/O and is called concurrently; each call receives its own copy of user.
type Check = entra.Check[*fiber.Ctx]

// Require returns a handler that lets a request proceed if a user is signed in and passes all checks,
// which run in the given order. Otherwise the handler returns an error, which the middleware answers:
// if signing in can help, page navigations are redirected to sign in and then return to the same URL;
// all other requests get 401 or 403, as a page if they accept HTML and as problem+json otherwise.
func Require(checks ...Check) fiber.Handler {
	require := entra.Require(checks)
	return func(c *fiber.Ctx) error {
		if err := require(c); err != nil {
			return err
		}
		return c.Next()
	}
}

// RequireToken returns a handler that lets a request proceed if its Authorization header contains an
// access token for a user, and if the token and the user pass all checks, which run in the given order.
// Otherwise the handler returns an error, which the middleware answers as RFC 6750 specifies, with
// problem+json and never with a redirect. Session cookies are ignored. RequireToken(checks…) is the
// same as RequireFrom(UserTokens, checks…).
//
// Handlers and checks get the user from [FromContext], and tokens for calls on behalf of the user from
// [TokenCredential], as they do for a session. [TokenFromContext] returns the claims of the token.
func RequireToken(checks ...Check) fiber.Handler { return RequireFrom(UserTokens, checks...) }

// RequireFrom is like [Require], but for the kinds of callers that a route accepts. Combine them with
// |:
//
//	app.Get("/orders", fibermsal.RequireFrom(fibermsal.Sessions|fibermsal.UserTokens, fibermsal.HasRole("Buyer")), orders)
//
// A scope of the app's own API is granted to its clients. Users with a session never have it, so do not
// check it with HasScope on a route that accepts Sessions.
//
// If a request has a token, only the token is used, even if the request also has a session cookie. A
// Require behind RequireFrom checks the caller that RequireFrom accepted. Like any other route, a route
// that accepts Sessions needs protection against cross-site request forgery, such as Fiber's csrf
// middleware; other sites cannot forge requests with a token. RequireFrom panics if accepted is zero.
func RequireFrom(accepted Callers, checks ...Check) fiber.Handler {
	require := entra.RequireFrom(accepted, checks)
	return func(c *fiber.Ctx) error {
		if err := require(c); err != nil {
			return err
		}
		return c.Next()
	}
}

// Passive returns a handler that keeps requests from extending the session. Use it for requests that a
// page sends on its own, such as polling; otherwise a page that is left open keeps its user signed in
// until AbsoluteTimeout:
//
//	app.Get("/news", fibermsal.Passive(), fibermsal.Require(), news)
//
// Register it behind the middleware and in front of every handler that uses the user, for a single
// route or a whole group. Behind Require it has no effect, and a warning is logged once. For the routes
// of the library, such as /user/info, register it with their path in front of RegisterRoutes.
func Passive() fiber.Handler {
	return func(c *fiber.Ctx) error {
		entra.MakePassive(c)
		return c.Next()
	}
}

// All passes if every check passes. All() without checks always passes.
func All(checks ...Check) Check { return entra.All(checks...) }

// Any passes if at least one check passes. The checks run in the given order. Any() without checks
// never passes. If no check passes, the error is the one that is easiest to recover from: preferably
// that the storage or Graph is unavailable, then an error that signing in can fix, then a refusal.
func Any(checks ...Check) Check { return entra.Any(checks...) }

// HasRole passes if the user has at least one of the app roles, which are given by their values in the
// registration. See [entra.HasRole].
func HasRole(roles ...string) Check { return entra.HasRole[*fiber.Ctx](roles...) }

// HasScope passes if the user has granted all the scopes. Otherwise the middleware starts a
// sign-in that requests them. See [entra.HasScope].
func HasScope(scopes ...string) Check { return entra.HasScope[*fiber.Ctx](scopes...) }

// InGroup passes if the user is a direct or indirect member of at least one of the groups, which are
// given by their object IDs. See [entra.InGroup].
func InGroup(ids ...string) Check { return entra.InGroup[*fiber.Ctx](ids...) }

// AuthenticatedWithin passes if the user authenticated within the given time. Otherwise the middleware
// starts a sign-in that makes the user authenticate again. See [entra.AuthenticatedWithin].
func AuthenticatedWithin(age time.Duration) Check { return entra.AuthenticatedWithin[*fiber.Ctx](age) }

// HasAuthContext passes if the user has satisfied an authentication context of the tenant's Conditional
// Access, "c1" to "c99". Otherwise the middleware starts a sign-in that requests it. If the tenant has
// no policy for the context, every user passes. See [entra.HasAuthContext].
func HasAuthContext(id string) Check { return entra.HasAuthContext[*fiber.Ctx](id) }
