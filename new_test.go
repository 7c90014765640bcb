package fibermsal_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

// An app that began with the quick start needs the Auth later, without being written anew.
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

// An error that all requests share must not be changed by one of them.
func TestErrors_ThoseToCompareWithCannotBeChanged(t *testing.T) {
	t.Parallel()
	for _, shared := range []error{
		fibermsal.ErrLoginRequired, fibermsal.ErrConsentRequired, fibermsal.ErrClaimsChallenge, fibermsal.ErrForbidden,
		fibermsal.ErrUnavailable, fibermsal.ErrRejected, fibermsal.ErrMisconfigured, fibermsal.ErrNotSignedIn,
	} {
		var changed, fresh *fibermsal.Error
		if !errors.As(shared, &changed) {
			t.Fatalf("%v is no Error", shared)
		}
		changed.Status, changed.Code, changed.Message = http.StatusOK, "ok", ""
		if errors.As(shared, &fresh); fresh.Status < 400 || fresh.Code == "ok" || fresh.Message == "" || !errors.Is(fresh, shared) {
			t.Errorf("%v has become %+v", shared, fresh)
		}
	}
}
