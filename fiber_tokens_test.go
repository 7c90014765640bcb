package fibermsal_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// The token that the guard has verified is exchanged. A handler that replaces the header, for example
// to forward the request, must neither get tokens from the caller's cache nor add tokens to it.
func TestOnBehalf_AHeaderThatAHandlerReplacesIsNotExchanged(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := newCallee(t, idp)
	s.app.Get("/x/replaced", fibermsal.RequireToken(), func(c *fiber.Ctx) error {
		switch to := c.Query("by"); to {
		case "nothing":
			c.Request().Header.Del("Authorization")
		default:
			c.Request().Header.Set("Authorization", to+idp.Issue(alex, apiScope))
		}
		return tokenOwner(idp)(c)
	})
	token := idp.Issue(adele, apiScope)
	for _, by := range []string{"nothing", "Bearer%20", "Basic%20"} {
		if a := s.call("/x/replaced?by="+by, token); a.StatusCode != http.StatusInternalServerError || !strings.Contains(s.log.String(), "authorization_replaced") {
			t.Errorf("%s: %d %s", by, a.StatusCode, a.Text)
		}
	}
	if n := len(exchanges(idp)); n != 0 {
		t.Errorf("%d token calls", n)
	}
	s.serves(token)
}

// A guard must not confuse the caller of another guard with the user of a session, even if a handler
// between them changes the header.
func TestAPI_ACallerIsNoSessionWithoutTheHeader(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := newAPI(t, idp)
	s.app.Get("/x/removed", fibermsal.RequireToken(), func(c *fiber.Ctx) error {
		c.Request().Header.Del("Authorization")
		return c.Next()
	}, fibermsal.RequireFrom(fibermsal.Sessions|fibermsal.AppTokens), func(c *fiber.Ctx) error {
		u, _ := fibermsal.FromContext(c)
		return c.SendString(u.Username)
	})
	b := s.browser()
	b.signIn(adele)
	token := idp.Issue(alex, apiScope)
	if a := s.call("/x/removed", token); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a session: %d %s", a.StatusCode, a.Text)
	}
	if a := s.call("/x/removed", token, "Cookie: "+sessionCookie+"="+b.Jar[sessionCookie].Value); a.StatusCode != http.StatusOK || a.Text != adele {
		t.Errorf("with one: %d %s", a.StatusCode, a.Text)
	}
}

// A sign-out ends the session of the cookie. The user of a token beside it, which a guard in front of the
// route has accepted, has not signed out.
func TestAPI_ASignOutIsThatOfTheCookie(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := siteOf(t, newApp(), idp, &logbook{})
	var ended []string
	cfg := configFor(idp)
	cfg.OnSignOut = func(_ context.Context, u *fibermsal.User) error {
		ended = append(ended, u.Username)
		return nil
	}
	auth, err := fibermsal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	s.app.Use(auth.Handler())
	s.app.Use("/user/logout", fibermsal.RequireFrom(fibermsal.Sessions|fibermsal.UserTokens))
	fibermsal.RegisterRoutes(s.app)
	s.app.Get("/guarded", fibermsal.Require(), func(*fiber.Ctx) error { return nil })
	b := s.browser()
	b.signIn(adele)
	r := httptest.NewRequest(http.MethodPost, "/user/logout", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+idp.Issue(alex, apiScope))
	r.Header.Set("Cookie", sessionCookie+"="+b.Jar[sessionCookie].Value)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if a := s.send(r); a.StatusCode != http.StatusSeeOther || !slices.Equal(ended, []string{adele}) {
		t.Errorf("%d %s: %v", a.StatusCode, a.Text, ended)
	}
	if a := (apiSite{s}).call("/guarded", "", "Cookie: "+sessionCookie+"="+b.Jar[sessionCookie].Value); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("the session of the cookie: %d", a.StatusCode)
	}
}
