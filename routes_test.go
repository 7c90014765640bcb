package fibermsal_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

func TestC5_HostHeadersDoNotMakeURLs(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	for header, value := range map[string]string{
		"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "javascript",
		"X-Forwarded-Protocol": "javascript", "X-Forwarded-Ssl": "on", "X-Url-Scheme": "javascript",
		"Forwarded": "host=evil.example;proto=http", "X-Original-Host": "evil.example", "X-Forwarded-Uri": "//evil.example",
	} {
		for _, path := range []string{"/user/login", "/guarded", "/user/logout"} {
			r := request(http.MethodGet, path, "")
			r.Header.Set("Accept", "text/html")
			r.Header.Set("Sec-Fetch-Site", "none")
			if header == "Host" {
				r.Host = value
			} else {
				r.Header.Set(header, value)
			}
			a := s.send(r)
			if strings.Contains(a.Location(), "evil") || strings.Contains(a.Location(), "javascript") || strings.Contains(a.Text, "evil") {
				t.Errorf("%s on %s: Location %q", header, path, a.Location())
			}
			if path == "/user/login" && query(t, a.Location()).Get("redirect_uri") != redirectURI {
				t.Errorf("%s: redirect_uri %q", header, a.Location())
			}
		}
	}
}

func TestC6_AnswersAboutAUserStayOutOfCaches(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	for _, path := range []string{"/user/info", "/user/login", "/user/logout", "/user/authorized"} {
		a := b.Get(path)
		if control := a.Header.Get("Cache-Control"); !strings.Contains(control, "no-store") || !strings.Contains(control, "private") {
			t.Errorf("%s: Cache-Control %q", path, control)
		}
		if !strings.Contains(a.Header.Get("Vary"), "Cookie") || a.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
	for path, handler := range map[string]fiber.Handler{
		"/plain":   func(c *fiber.Ctx) error { return c.SendString("page") },
		"/varies":  func(c *fiber.Ctx) error { c.Set("Vary", "Accept-Encoding"); return c.SendString("page") },
		"/failing": func(*fiber.Ctx) error { return errOfTheApp },
		"/chosen":  func(c *fiber.Ctx) error { c.Set("Cache-Control", "max-age=60"); return c.SendString("page") },
	} {
		s.app.Get(path, fibermsal.Require(), handler)
		want := "private"
		if path == "/chosen" {
			want = "max-age=60"
		}
		a := b.Get(path)
		if !slices.Contains(strings.FieldsFunc(strings.Join(a.Header.Values("Vary"), ","), func(r rune) bool { return r == ',' || r == ' ' }), "Cookie") || a.Header.Get("Cache-Control") != want {
			t.Errorf("%s: %v", path, a.Header)
		}
		if control := s.browser().Get(path).Header.Get("Cache-Control"); control != "no-store, private" {
			t.Errorf("%s for a stranger: %s", path, control)
		}
	}
	s.app.Get("/public", func(c *fiber.Ctx) error { return c.SendString("page") })
	if a := b.Get("/public"); a.Header.Get("Cache-Control") != "" || a.Header.Get("Vary") != "" {
		t.Errorf("a page that does not depend on the user: %v", a.Header)
	}
}

func TestC6_RoutesAnswerOnlyTheirOwnSpelling(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	for _, path := range []string{"/USER/info", "/user/Info", "/user/info/", "/User/Login", "/user/login/", "/user/AUTHORIZED", "/user/logout/"} {
		if a := b.Navigate(path); a.StatusCode != http.StatusNotFound || strings.Contains(a.Text, adele) {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.Text)
		}
	}
}

func TestRoutes_OneThatReturnsNothingIsAMisconfiguration(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	nothing := fibermsal.Route{Path: "/nothing", Serve: func(fibermsal.Locals, func(string) string) (*fibermsal.Reply, error) { return nil, nil }} //nolint:nilnil // the subject
	fibermsal.RegisterRoutes(s.app, fibermsal.Routes{nothing})
	if a := s.browser().Get("/user/nothing"); a.StatusCode != http.StatusInternalServerError || a.JSON(t)["code"] != "misconfigured" {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
	if !strings.Contains(s.log.String(), "/nothing returned neither") {
		t.Error(s.log)
	}
}

func TestC11_SpellingsOfARouteAreNoWayRoundIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	paths := []string{
		"/User/Logout", "/user//logout", "/user/logout/", "/%75ser/logout", "/user/%6cogout", "/user/logout%2f", "/user/./logout", "/x/../user/logout",
		"/user/login" + strings.Repeat("/a", 40), "/USER/INFO/x", "/user/logout;x=1",
	}
	for _, path := range paths {
		a := b.Send(browsertest.CrossSite(navigation(http.MethodGet, path)))
		if !slices.Contains([]int{http.StatusOK, http.StatusNotFound}, a.StatusCode) || a.Location() != "" {
			t.Errorf("%s: %d %q", path, a.StatusCode, a.Location())
		}
		if b.user() != adele {
			t.Fatalf("%s signed out from another site", path)
		}
	}
	for _, path := range []string{"/Guarded", "/guarded/", "/%67uarded", "//guarded"} {
		if a := s.browser().Send(ways["fetch"](path)); a.StatusCode != http.StatusUnauthorized && a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
}

func TestC12_NoOtherOriginMayReadAnswers(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	b.signIn(adele)
	for _, path := range []string{"/user/info", "/user/login", "/user/logout", "/user/authorized", "/user/frontchannel-logout?sid=00000000-0000-0000-0000-000000000000"} {
		r := request(http.MethodGet, path, "")
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		a := b.Send(r)
		for name := range a.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s: %s", path, name, a.Header.Get(name))
			}
		}
	}
}
