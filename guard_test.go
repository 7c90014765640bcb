package fibermsal_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

func TestRequire_SendsPeopleToSignInAndTellsPrograms(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	for name, row := range map[string]struct {
		method  string
		headers map[string]string
		status  int
	}{
		"navigation":               {"GET", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 303},
		"navigation, old browser":  {"GET", map[string]string{"Accept": "text/html"}, 303},
		"fetch":                    {"GET", map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": "text/html"}, 401},
		"frame":                    {"GET", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe", "Accept": "text/html"}, 401},
		"XMLHttpRequest":           {"GET", map[string]string{"X-Requested-With": "XMLHttpRequest", "Accept": "text/html"}, 401},
		"no headers":               {"GET", nil, 401},
		"form post":                {"POST", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": "text/html"}, 401},
		"JSON":                     {"GET", map[string]string{"Accept": "application/json"}, 401},
		"HEAD":                     {"HEAD", map[string]string{"Accept": "text/html"}, 401},
		"DELETE, pretending":       {"DELETE", map[string]string{"Accept": "text/html", "X-HTTP-Method-Override": "GET"}, 401},
		"image of another website": {"GET", map[string]string{"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 401},
	} {
		r := request(row.method, "/guarded?a=1&b=/x", "")
		for header, value := range row.headers {
			r.Header.Set(header, value)
		}
		a := s.send(r)
		if a.StatusCode != row.status {
			t.Errorf("%s: status %d, want %d", name, a.StatusCode, row.status)
		}
		switch {
		case row.status == 303 && a.Location() != "/user/login?to=%2Fguarded%3Fa%3D1%26b%3D%2Fx":
			t.Errorf("%s: Location %q", name, a.Location())
		case row.status == 401 && row.headers["Accept"] != "text/html":
			if a.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: Content-Type %q", name, a.Header.Get("Content-Type"))
			}
			if p := a.JSON(t); p["code"] != "login_required" || p["login_url"] != "/user/login" || p["status"] != float64(401) {
				t.Errorf("%s: %s", name, a.Text)
			}
		}
	}
}

func TestRequire_ChecksDecide(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	ran := 0
	guard := func(err error) fiber.Handler {
		return fibermsal.Require(
			func(_ *fiber.Ctx, u *fibermsal.User) error { u.ID = "changed"; return nil },
			func(_ *fiber.Ctx, u *fibermsal.User) error {
				if u.ID == "changed" {
					t.Error("one check's user is another's")
				}
				return err
			})
	}
	handler := func(c *fiber.Ctx) error { ran++; return c.SendString("in") }
	b.app.Get("/yes", guard(nil), handler)
	b.app.Get("/fiber", guard(fiber.ErrForbidden), handler)
	b.app.Get("/ours", guard(&fibermsal.Error{Code: "too_late", Status: http.StatusForbidden, Message: "Office hours are over."}), handler)
	b.signIn(adele)
	if a := b.Get("/yes"); a.Text != "in" {
		t.Errorf("yes: %d %s", a.StatusCode, a.Text)
	}
	if a := b.Get("/fiber"); a.StatusCode != http.StatusForbidden {
		t.Errorf("fiber: %d", a.StatusCode)
	}
	if a := b.Navigate("/ours"); a.StatusCode != http.StatusForbidden || !strings.Contains(a.Text, "Office hours") {
		t.Errorf("ours: %d %s", a.StatusCode, a.Text)
	}
	if ran != 1 {
		t.Errorf("the handler ran %d times", ran)
	}
}

func TestRequire_BehindASkippedMiddlewareNobodyIsSignedIn(t *testing.T) {
	idp := newIDP(t)
	s := newSite(t, idp)
	cfg := configFor(idp)
	cfg.CookieName, cfg.RoutePrefix, cfg.Next = "other", "/other", func(*fiber.Ctx) bool { return true }
	inner, err := fibermsal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inner.Close() })
	s.app.Get("/inner", inner.Handler(), func(c *fiber.Ctx) error {
		if u, ok := fibermsal.FromContext(c); ok {
			return c.SendString(u.Username)
		}
		return c.SendString("nobody")
	})
	b := s.browser()
	b.signIn(adele)
	if a := b.Get("/inner"); a.Text != "nobody" {
		t.Errorf("%s, of the other middleware", a.Text)
	}
}

// A guard for the whole app that is registered before the routes would redirect all users from the
// login route to the login route.
func TestRequire_InFrontOfTheRoutesIsNamed(t *testing.T) {
	t.Parallel()
	for name, guard := range map[string]fiber.Handler{
		"a guard":                     fibermsal.Require(),
		"a handler":                   func(*fiber.Ctx) error { return fibermsal.ErrLoginRequired },
		"one that starts a sign-in":   func(*fiber.Ctx) error { return fibermsal.StartSignIn(fibermsal.SignInOptions{To: "/page"}) },
		"one that requires a consent": func(c *fiber.Ctx) error { return fibermsal.HasScope("Mail.Read")(c, nil) },
	} {
		idp, app, log := newIDP(t), newApp(), &logbook{}
		cfg := configFor(idp)
		cfg.Logger = slog.New(slog.NewJSONHandler(log, nil))
		app.Use(fibermsal.New(cfg), guard)
		fibermsal.RegisterRoutes(app)
		b := siteOf(t, app, idp, log).browser()
		login := b.Navigate("/page").Location()
		for way, a := range map[string]*answer{"login": b.Navigate(login), "callback": b.Send(callback("code=x&state=y"))} {
			if a.StatusCode != http.StatusInternalServerError || !strings.Contains(log.String(), "in front of RegisterRoutes") {
				t.Errorf("%s, %s: %d to %q\n%s", name, way, a.StatusCode, a.Location(), log)
			}
		}
		_ = app.Shutdown()
	}
}
