package fibermsal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// Pages for faults offer to try again, because a sign-in would not help.
func TestRetry_IsTheMainActionOfAFault(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	s.app.Get("/broken", func(*fiber.Ctx) error { return fibermsal.ErrMisconfigured })
	b := s.browser()
	b.signIn(adele)
	l.fail(true, true)
	post := func(referer string) *http.Request {
		r := navigation(http.MethodPost, "/guarded")
		r.Header.Set("Referer", referer)
		return r
	}
	for name, row := range map[string]struct {
		request *http.Request
		status  int
		target  string
		text    string
	}{
		"a page":                        {navigation(http.MethodGet, "/guarded?x=1&y=%2F"), 503, "/guarded?x=1&y=%2F", "Try again"},
		"a page of the routes":          {navigation(http.MethodGet, "/user/info"), 503, "/user/info", "Try again"},
		"a page that is wrong itself":   {navigation(http.MethodGet, "/broken"), 500, "/broken", "Try again"},
		"a form":                        {post(publicURL + "/form?a=1#top"), 503, "/form?a=1", "Try again"},
		"a form of another site":        {post("https://evil.example/form"), 503, "/", "Home page"},
		"a form without a Referer":      {navigation(http.MethodPost, "/guarded"), 503, "/", "Home page"},
		"a page that is too long a URL": {navigation(http.MethodGet, "/guarded?"+strings.Repeat("x", 5000)), 503, "/", "Home page"},
	} {
		a := b.Send(row.request)
		if target, text := link(t, a); a.StatusCode != row.status || target != row.target || text != row.text || strings.Contains(a.Text, "Sign in<") {
			t.Errorf("%s: %d, %q leads to %q\n%s", name, a.StatusCode, text, target, a.Text)
		}
	}
}

func TestRetry_OfASignInHasItsPageAndRequirements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newInteractiveSite(t, newIDP(t))
		b := s.browser()
		login := b.Navigate("/scope?q=1")
		b.idp.Fault(entratest.Discovery, entratest.Fault{Status: 503, Times: 1})
		a := b.Navigate(login.Location()) // nobody is signed in, and nothing is known of Entra
		target, text := link(t, a)
		if u, err := url.Parse(target); err != nil || a.StatusCode != http.StatusServiceUnavailable || text != "Try again" || u.Path != "/user/login" || u.Query().Get("to") != "/scope?q=1" {
			t.Fatalf("%d, %q leads to %q", a.StatusCode, text, target)
		}
	})
}

func TestRetry_KeepsWhatThePageRequires(t *testing.T) {
	t.Parallel()
	l, idp := newLedger(), newIDP(t)
	b := newInteractiveSite(t, idp, onLedger(l)).browser()
	b.signIn(adele)
	login := b.Navigate("/scope?q=1").Location()
	down := newInteractiveSite(t, entratest.New(entratest.WithRedirectURI(redirectURI)), onLedger(l))
	down.idp.Fault(entratest.Discovery, entratest.Fault{Status: 503})
	up := b.site
	b.site = down
	a := b.Navigate(login)
	b.site = up
	if q := b.mainAction(a); a.StatusCode != http.StatusServiceUnavailable || !strings.Contains(q.Get("scope"), "Mail.Read") {
		t.Errorf("%d, and then %v", a.StatusCode, q)
	}
}

func TestRetry_OfAResponseIsAnotherSignIn(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	response := b.approve(b.start("/guarded?x=1"), adele)
	l.fail(true, true)
	if target, text := link(t, b.Send(response.Request())); target != "/user/login?to=%2Fguarded%3Fx%3D1" || text != "Try again" {
		t.Errorf("%q leads to %q", text, target)
	}
}

// A user who signs out on a shared computer must know whether the next person would still be signed in
// as this user (threat D10).
func TestD10_SignOutDuringAnOutageSaysThatTheBrowserIsSignedOut(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	for name, r := range map[string]func() *http.Request{
		"a form":   func() *http.Request { return navigation(http.MethodPost, "/user/logout") },
		"a link":   func() *http.Request { return navigation(http.MethodGet, "/user/logout") },
		"a script": func() *http.Request { return request(http.MethodPost, "/user/logout", "") },
	} {
		b.signIn(adele)
		l.fail(true, true)
		a := b.Send(r())
		if a.StatusCode != http.StatusServiceUnavailable || b.session() != "" || !strings.Contains(a.Text, "signed out in this browser") {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
		}
		if name != "a script" {
			target, text := link(t, a)
			if next := b.Navigate(target); text != "Try again" || !strings.Contains(next.Location(), "/oauth2/v2.0/logout?") {
				t.Errorf("%s: %q leads to %s and on to %q", name, text, target, next.Location())
			}
		}
		l.fail(false, false)
	}
}

func TestPages_OfTheAppGetTheRetry(t *testing.T) {
	t.Parallel()
	l := newLedger()
	var drawn fibermsal.Page
	b := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) {
		cfg.Pages = func(c *fiber.Ctx, p fibermsal.Page) error {
			drawn = p
			return c.SendString("ours")
		}
	}).browser()
	b.signIn(adele)
	l.fail(true, true)
	b.Navigate("/guarded?x=1")
	if drawn.RetryURL != "/guarded?x=1" || drawn.SignInURL != "" || drawn.SignInText != "" {
		t.Errorf("%+v", drawn)
	}
}
