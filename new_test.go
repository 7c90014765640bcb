package fibermsal_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

// An app that began with the quick start can get the Auth later without being rewritten.
func TestNew_HandlersGetItsAuthForAdministration(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	app := newApp()
	app.Get("/outside", func(c *fiber.Ctx) error {
		if _, ok := fibermsal.AuthFromContext(c); ok {
			t.Error("there is an Auth without the middleware")
		}
		return nil
	})
	app.Use(fibermsal.New(configFor(idp)))
	fibermsal.RegisterRoutes(app)
	app.Get("/guarded", fibermsal.Require(), func(c *fiber.Ctx) error { return c.SendString("hello") })
	app.Post("/dismiss", func(c *fiber.Ctx) error {
		auth, ok := fibermsal.AuthFromContext(c)
		if !ok {
			return errors.New("no Auth")
		}
		users := 0
		for _, err := range auth.Sessions(c.UserContext(), fibermsal.SessionFilter{}) {
			if err != nil {
				return err
			}
			users++
		}
		if users != 1 {
			t.Errorf("%d sessions", users)
		}
		user, _ := fibermsal.FromContext(c)
		_, err := auth.EndSessions(c.UserContext(), fibermsal.SessionFilter{TenantID: user.TenantID, UserID: user.ID})
		return err
	})
	b := siteOf(t, app, idp, &logbook{}).browser()
	b.signIn(adele)
	b.Get("/outside")
	if a := b.Send(request(http.MethodPost, "/dismiss", "")); a.StatusCode != http.StatusOK {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
	if a := b.Get("/guarded"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("after EndSessions: %d", a.StatusCode)
	}
}
