package fibermsal

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Check decides whether a signed-in user may go on: nil lets them, an error ends
// the request. It may do I/O, and requests call it concurrently; user is a copy of its
// own. An [*Error] is answered as it says, other errors go to the app's ErrorHandler.
type Check func(c *fiber.Ctx, user *User) error

// Require lets only signed-in users through who pass all checks, in their order. To
// everybody else it returns an error, which the middleware answers: a page navigation is
// sent to sign in, where that helps, and comes back to the same URL; anything else gets
// 401 or 403 as problem+json.
func Require(checks ...Check) fiber.Handler {
	return func(c *fiber.Ctx) error {
		r := requestOf(c)
		if r == nil {
			return notMounted("Require")
		}
		s, err := r.current(c)
		if err != nil {
			return err
		}
		if s == nil {
			return ErrLoginRequired
		}
		for _, check := range checks {
			if err := check(c, s.User.clone()); err != nil {
				return err
			}
		}
		return c.Next()
	}
}

// isNavigation reports whether a person is looking at the answer in a browser's
// window, who can be sent to sign in. Browsers say so; where they do not, what
// they accept decides. Unsafe methods never are: a redirect would lose them.
func isNavigation(c *fiber.Ctx) bool {
	if c.Method() != fiber.MethodGet {
		return false
	}
	if c.Get("Sec-Fetch-Mode") != "" {
		return mayNavigate(c)
	}
	return acceptsHTML(c) && c.Get(fiber.HeaderXRequestedWith) == ""
}

// mayNavigate reports whether a request is a window's navigation, as far as the
// browser says what it is.
func mayNavigate(c *fiber.Ctx) bool {
	mode, dest := c.Get("Sec-Fetch-Mode"), c.Get("Sec-Fetch-Dest")
	return (mode == "" || mode == "navigate") && (dest == "" || dest == "document")
}

// isPrefetch reports whether the browser fetches a page that nobody has asked for,
// yet.
func isPrefetch(c *fiber.Ctx) bool {
	return strings.Contains(c.Get("Sec-Purpose")+c.Get("Purpose"), "prefetch")
}

func acceptsHTML(c *fiber.Ctx) bool {
	return strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML)
}
