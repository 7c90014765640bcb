package fibermsal

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/entra"
)

// Check decides whether a signed-in user may go on: nil lets the request pass, an error ends
// it. It may do I/O, and requests call it concurrently; each call receives its own copy of
// user. An [*Error] is answered as it says, other errors go to the app's ErrorHandler.
type Check = entra.Check[*fiber.Ctx]

// Require passes requests of signed-in users who pass all checks, in their order. For others it
// returns an error, which the middleware answers: page navigations are redirected to sign in, if
// that can help, and return to the same URL; all other requests get 401 or 403, as a page if they
// accept HTML and as problem+json otherwise.
func Require(checks ...Check) fiber.Handler {
	require := entra.Require(checks)
	return func(c *fiber.Ctx) error {
		if err := require(c); err != nil {
			return err
		}
		return c.Next()
	}
}

// RequireToken passes requests of clients that call for a user, with an access token in the header
// Authorization, if the token and its user pass all checks, in their order. For others it returns an
// error, which the middleware answers as RFC 6750 says, with problem+json and never with a redirect. The
// session of a cookie is not used. It is RequireFrom(UserTokens, checks…).
//
// Handlers and checks find the user as on pages: by [FromContext], and by [TokenCredential] for calls on
// behalf of the user. [TokenFromContext] returns what the token says.
func RequireToken(checks ...Check) fiber.Handler { return RequireFrom(UserTokens, checks...) }

// RequireFrom is Require for the callers that a route accepts, which are combined by |:
//
//	app.Get("/orders", fibermsal.RequireFrom(fibermsal.Sessions|fibermsal.UserTokens, fibermsal.HasRole("Buyer")), orders)
//
// A scope of the app's own API is a permission of its clients. Users with a session never have it, so do not
// check it by HasScope if Sessions are accepted.
//
// A request with a token is judged by its token, whatever cookie it has. Behind it, Require checks the
// caller that it accepted. A route that accepts Sessions needs protection against forged requests, such as
// Fiber's csrf, as any other; requests with a token cannot be forged by other sites. It panics if no
// callers are named.
func RequireFrom(accepted Callers, checks ...Check) fiber.Handler {
	require := entra.RequireFrom(accepted, checks)
	return func(c *fiber.Ctx) error {
		if err := require(c); err != nil {
			return err
		}
		return c.Next()
	}
}

// Passive lets requests pass without prolonging the session. It is for requests that a page sends by
// itself, such as polling, because a page that is left open would otherwise keep its user signed in until
// AbsoluteTimeout:
//
//	app.Get("/news", fibermsal.Passive(), fibermsal.Require(), news)
//
// Put it behind the middleware, in front of everything that asks for the user, also for a whole group:
// behind Require it has no effect, which the log says once. For the routes of the library, such as
// /user/info, register it with their path in front of RegisterRoutes.
func Passive() fiber.Handler {
	return func(c *fiber.Ctx) error {
		entra.MakePassive(c)
		return c.Next()
	}
}

// All passes if every check passes. All() without checks always passes.
func All(checks ...Check) Check { return entra.All(checks...) }

// Any passes if one of the checks passes, which are tried in their order. Any() without checks
// never passes. If none passes, the error is the one that is easiest to recover from: first
// that the storage or Graph is unavailable, then one that a sign-in fixes, then a refusal.
func Any(checks ...Check) Check { return entra.Any(checks...) }

// HasRole passes if the user has one of the app roles, by their values in the registration. See
// [entra.HasRole].
func HasRole(roles ...string) Check { return entra.HasRole[*fiber.Ctx](roles...) }

// HasScope passes if the user has granted all the scopes. Otherwise the middleware starts a
// sign-in that requests them. See [entra.HasScope].
func HasScope(scopes ...string) Check { return entra.HasScope[*fiber.Ctx](scopes...) }

// InGroup passes if the user is a member of one of the groups, by their object IDs, also
// through other groups. See [entra.InGroup].
func InGroup(ids ...string) Check { return entra.InGroup[*fiber.Ctx](ids...) }

// AuthenticatedWithin passes if the user authenticated at most that long ago. Otherwise the
// middleware starts a sign-in that makes the user authenticate. See [entra.AuthenticatedWithin].
func AuthenticatedWithin(age time.Duration) Check { return entra.AuthenticatedWithin[*fiber.Ctx](age) }

// HasAuthContext passes if the user has satisfied an authentication context of the tenant's
// Conditional Access, "c1" to "c99". Otherwise the middleware starts a sign-in that requests it.
// A tenant without a policy for the context lets every user through. See [entra.HasAuthContext].
func HasAuthContext(id string) Check { return entra.HasAuthContext[*fiber.Ctx](id) }
