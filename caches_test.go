package fibermsal_test

import (
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

// skipPrivate is the documented recipe for Fiber's cache, which identifies pages by their path only.
func skipPrivate(c *fiber.Ctx) bool {
	return strings.Contains(c.GetRespHeader(fiber.HeaderCacheControl), "private")
}

func TestC6_FibersCacheMixesNoUsers(t *testing.T) {
	t.Parallel()
	for name, behind := range map[string]bool{"in front of the middleware": false, "behind it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testFibersCache(t, behind)
		})
	}
}

func testFibersCache(t *testing.T, behind bool) {
	t.Helper()
	idp := newIDP(t)
	app := newApp()
	handlers := []fiber.Handler{cacheAnswers(skipPrivate), fibermsal.New(configFor(idp))}
	if behind {
		handlers[0], handlers[1] = handlers[1], handlers[0]
	}
	for _, handler := range handlers {
		app.Use(handler)
	}
	fibermsal.RegisterRoutes(app)
	greet := func(c *fiber.Ctx) error {
		c.Set("Vary", "Accept-Encoding") // in place of what the middleware has set
		if user, ok := fibermsal.FromContext(c); ok {
			return c.SendString("hello " + user.Username)
		}
		return c.SendString("hello stranger")
	}
	app.Get("/greeting", greet)
	app.Get("/guarded", fibermsal.Require(), greet)
	computed := 0
	app.Get("/public", func(c *fiber.Ctx) error {
		computed++
		return c.SendString("news")
	})
	s := siteOf(t, app, idp, &logbook{})
	b, other := s.browser(), s.browser()
	b.signIn(adele)
	other.signIn(alex)
	for range 2 { // first the user's answer could be kept, then the stranger's
		for _, path := range []string{"/greeting", "/guarded", "/user/info", "/user/info/", "/USER/info", "/user/login"} {
			mine, theirs, nobodys := b.Navigate(path), other.Navigate(path), s.browser().Navigate(path)
			if strings.Contains(theirs.Text, adele) || strings.Contains(nobodys.Text, "@contoso.com") || strings.Contains(mine.Text, "stranger") {
				t.Errorf("%s: %q, %q and %q", path, mine.Text, theirs.Text, nobodys.Text)
			}
			if path == "/guarded" && (mine.Text != "hello "+adele || nobodys.Location() == "") {
				t.Errorf("%s: %q and %d", path, mine.Text, nobodys.StatusCode)
			}
		}
		b.Get("/public")
		s.browser().Get("/public")
	}
	b.Send(request("POST", "/user/logout", ""))
	if a := b.Get("/greeting"); a.Text != "hello stranger" {
		t.Errorf("after the sign-out: %q", a.Text)
	}
	if computed != 1 {
		t.Errorf("a public page was computed %d times", computed)
	}
}
