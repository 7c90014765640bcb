package fibermsal

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Check decides whether a signed-in user may go on: nil lets them, an error ends
// the request. It may do I/O. An [*Error] is answered as it says, other errors go
// to the app's ErrorHandler.
type Check func(c *fiber.Ctx, user *User) error

// Require lets only signed-in users through who pass all checks. To everybody
// else it returns an error, which the middleware answers: a page navigation is
// sent to sign in and comes back to the same URL, anything else gets 401 as
// problem+json.
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
	if mode := c.Get("Sec-Fetch-Mode"); mode != "" {
		dest := c.Get("Sec-Fetch-Dest")
		return mode == "navigate" && (dest == "" || dest == "document")
	}
	return acceptsHTML(c) && c.Get(fiber.HeaderXRequestedWith) == ""
}

func acceptsHTML(c *fiber.Ctx) bool {
	return strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML)
}
