package fibermsal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestFrontChannel_SignOutAtEntraEndsTheSession(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	s, other := newSite(t, idp, on(t, server)), newSite(t, idp, on(t, server))
	b, elsewhere := s.browser(), s.browser()
	response := b.approve(b.start(""), adele)
	sid := response.Values.Get("session_state")
	if a := b.Send(response.Request()); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.StatusCode)
	}
	elsewhere.signIn(adele)
	frame := func(query string) *answer {
		t.Helper()
		r := request(http.MethodGet, "/user/frontchannel-logout"+query, "")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Sec-Fetch-Dest", "iframe")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		return other.send(r) // no cookie of ours, on the other instance
	}
	for name, row := range map[string]struct {
		query  string
		status int
	}{
		"no sid":           {"", 400},
		"odd sid":          {"?sid=" + url.QueryEscape("*<script>"), 400},
		"long sid":         {"?sid=" + strings.Repeat("a", 5000), 400},
		"somebody's":       {"?sid=00000000-0000-0000-0000-000000000000", 200},
		"another's issuer": {"?sid=" + sid + "&iss=" + url.QueryEscape("https://evil.example/v2.0"), 400},
	} {
		if a := frame(row.query); a.StatusCode != row.status {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
		}
	}
	if b.user() != adele {
		t.Fatal("signed out by a request that should not")
	}
	a := frame("?sid=" + sid + "&iss=" + url.QueryEscape(idp.Authority+"/v2.0"))
	if a.StatusCode != http.StatusOK || a.Header.Get("X-Frame-Options") != "" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors https://login.entra.test") ||
		!strings.Contains(a.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	if b.user() != "" || elsewhere.user() != adele {
		t.Errorf("afterwards %q here, %q elsewhere", b.user(), elsewhere.user())
	}
}

func TestFrontChannel_StorageDownIsSaidAndMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		s := newSite(t, newIDP(t), onLedger(l))
		b := s.browser()
		response := b.approve(b.start(""), adele)
		b.Send(response.Request())
		l.failDeletes(true)
		a := s.send(request(http.MethodGet, "/user/frontchannel-logout?sid="+response.Values.Get("session_state"), ""))
		if a.StatusCode != http.StatusServiceUnavailable || b.user() != "" {
			t.Errorf("%d, %q is signed in", a.StatusCode, b.user())
		}
		l.failDeletes(false)
		time.Sleep(5 * time.Second)
		if left := l.keys(); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	})
}

func TestFrontChannel_EndsAllItCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		s := newSite(t, newIDP(t), onLedger(l))
		sso, sid := s.idp.NewBrowser(), ""
		var all []*browser
		for range 3 {
			b := s.browser()
			response, err := sso.SignIn(b.start(""), adele)
			if err != nil {
				t.Fatal(err)
			}
			sid = response.Values.Get("session_state")
			b.Send(response.Request())
			all = append(all, b)
		}
		l.failDeletes(true)
		s.send(request(http.MethodGet, "/user/frontchannel-logout?sid="+sid, ""))
		l.failDeletes(false)
		time.Sleep(5 * time.Second)
		for i, b := range all {
			if b.user() != "" {
				t.Errorf("session %d lives on", i)
			}
		}
	})
}

// Entra's sign-out page opens the route in a frame. A middleware such as Fiber's helmet, which forbids
// frames for the app's pages, must not prevent this.
func TestFrontChannel_IsFramedWhateverAnotherMiddlewareSays(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	auth, err := fibermsal.Open(configFor(idp))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp()
	app.Use(func(c *fiber.Ctx) error {
		c.Set("X-Frame-Options", "SAMEORIGIN")
		return c.Next()
	})
	app.Use(auth.Handler())
	fibermsal.RegisterRoutes(app)
	s := siteOf(t, app, idp, &logbook{})
	if a := s.send(request(http.MethodGet, "/user/frontchannel-logout?sid=00000000-0000-0000-0000-000000000001", "")); a.Header.Get("X-Frame-Options") != "" {
		t.Errorf("%d, X-Frame-Options %q", a.StatusCode, a.Header.Get("X-Frame-Options"))
	}
	if a := s.send(request(http.MethodGet, "/user/login", "")); a.Header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("another route: %q", a.Header.Get("X-Frame-Options"))
	}
}
