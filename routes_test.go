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
	idp := newIDP(t)
	app := newApp()
	// Fiber's cache keys on the path alone; Next is the documented recipe.
	app.Use(cacheAnswers(func(c *fiber.Ctx) bool { return strings.HasPrefix(c.Path(), "/user/") }))
	cfg := configFor(idp)
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app)
	s := siteOf(t, app, idp, &logbook{})
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
	if stranger := s.browser(); stranger.user() != "" {
		t.Error("a stranger gets the user's answer")
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
