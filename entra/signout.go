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
	// To is the path of the page to which the browser is redirected afterwards. A path that would leave
	// the app is replaced by "/", so it may come from a request. Choose a page that needs no sign-in,
	// because a guarded page would start the next one. Unless AppOnly is set, Entra redirects there
	// only if the URL is registered as a redirect URI.
	//
	// Optional. Default: Config.PostLogoutURL.
	To string
}

// SignOut returns an error that makes the middleware sign the user out. The handler returns it:
//
//	app.Post("/leave", func(*fiber.Ctx) error {
//		return fibermsal.SignOut(fibermsal.SignOutOptions{AppOnly: true, To: "/goodbye"})
//	})
//
// The middleware ends the session of this browser, removes its cookie, and redirects. Other sites must
// not be able to cause the request, so use a POST route behind the app's protection against cross-site
// request forgery. The built-in route /user/logout has its own protection. Send the request with a form
// or with htmx; fetch also ends the session but cannot follow the redirect to Entra. Without the
// middleware, the response is 500.
func SignOut(o SignOutOptions) *Error {
	return autherr.SignOut.Intending(autherr.Intent{SignOut: true, AppOnly: o.AppOnly, To: strings.Clone(o.To)}, nil)
}
