package entra

import (
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// SignOutOptions control [SignOut].
type SignOutOptions struct {
	// AppOnly signs the user out of this app only, in this browser. The user stays signed in at
	// Entra, so the next sign-in may need no password.
	AppOnly bool
	// To is the path of the app's page to which the browser goes afterwards. A path that would leave
	// the app is replaced by "/", so it may come from a request. Choose a page for visitors, because
	// a guarded one starts the next sign-in. Unless AppOnly is set, Entra leads there only if the URL
	// is registered as a redirect URI.
	//
	// Optional. Default: Config.PostLogoutURL.
	To string
}

// SignOut returns the error by which a handler signs its user out:
//
//	app.Post("/leave", func(*fiber.Ctx) error {
//		return fibermsal.SignOut(fibermsal.SignOutOptions{AppOnly: true, To: "/goodbye"})
//	})
//
// The middleware ends the session of this browser, removes its cookie, and redirects. Other sites
// must not be able to cause the request: route it for POST, behind the app's protection against
// cross-site requests. The built-in route /user/logout has its own. Call it by a form or by htmx: fetch
// ends the session, too, but cannot follow the redirect to Entra. Without the middleware the answer is a
// 500.
func SignOut(o SignOutOptions) *Error {
	return autherr.SignOut.Intending(autherr.Intent{SignOut: true, AppOnly: o.AppOnly, To: strings.Clone(o.To)}, nil)
}
