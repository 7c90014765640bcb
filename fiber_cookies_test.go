package fibermsal_test

import (
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

// Fiber's adapter of middlewares for net/http repeats the cookies of a request.
func TestFiber_AdaptedMiddlewaresKeepUsersSignedIn(t *testing.T) {
	t.Parallel()
	nothing := func(next http.Handler) http.Handler { return next }
	for name, order := range map[string]func(*fiber.App, fiber.Handler){
		"in front": func(app *fiber.App, h fiber.Handler) { app.Use(adapt(nothing)); app.Use(h) },
		"behind":   func(app *fiber.App, h fiber.Handler) { app.Use(h); app.Use(adapt(nothing)) },
		"twice":    func(app *fiber.App, h fiber.Handler) { app.Use(adapt(nothing)); app.Use(adapt(nothing)); app.Use(h) },
	} {
		b := newOrderedSite(t, order).browser()
		b.signIn(adele)
		if user := b.user(); user != adele {
			t.Errorf("%s: %q is signed in", name, user)
		}
		if _, landed := b.follow("/challenge", adele); landed.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %d", name, landed.StatusCode)
		}
		if a := b.Send(request(http.MethodPost, "/user/logout", "")); a.StatusCode != http.StatusSeeOther || b.user() != "" {
			t.Errorf("%s: sign-out: %d", name, a.StatusCode)
		}
	}
}

// A middleware that encrypts cookies can be registered before or after this one. In both cases loops
// end.
func TestB14_LoopsEndBesideEncryptedCookies(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]func(*fiber.App, fiber.Handler){
		"in front": func(app *fiber.App, h fiber.Handler) { app.Use(encryptCookies()); app.Use(h) },
		"behind":   func(app *fiber.App, h fiber.Handler) { app.Use(h); app.Use(encryptCookies()) },
	} {
		s := newOrderedSite(t, order)
		s.changesCookies = true
		b := s.browser()
		b.signIn(adele)
		if b.user() != adele {
			t.Errorf("%s: nobody is signed in", name)
		}
		rounds := 0
		for ; rounds < 6; rounds++ {
			a := b.Navigate("/challenge")
			if a.StatusCode != http.StatusSeeOther {
				break
			}
			b.Send(b.approve(b.Navigate(a.Location()).Location(), adele).Request())
		}
		if rounds != 3 {
			t.Errorf("%s: %d sign-ins", name, rounds)
		}
		if a := b.Navigate("/seen"); a.StatusCode != http.StatusOK {
			t.Errorf("%s: another page: %d", name, a.StatusCode)
		}
	}
}

// newOrderedSite makes a site whose middlewares are registered by a function.
func newOrderedSite(t *testing.T, order func(*fiber.App, fiber.Handler)) *site {
	t.Helper()
	idp, app := newIDP(t), newApp()
	order(app, fibermsal.New(configFor(idp)))
	fibermsal.RegisterRoutes(app)
	app.Get("/challenge", fibermsal.Require(), func(*fiber.Ctx) error {
		return fibermsal.ClaimsChallenge(`{"access_token":{"nbf":{"essential":true,"value":"1635527790"}}}`)
	})
	app.Get("/seen", fibermsal.Require(), func(c *fiber.Ctx) error { return c.SendString("seen") })
	return siteOf(t, app, idp, &logbook{})
}
