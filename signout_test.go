package fibermsal_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// signsOut lets a site sign users out by a handler.
func (s *site) signsOut(o fibermsal.SignOutOptions) {
	routeAll(s.app, "/leave", func(*fiber.Ctx) error { return fibermsal.SignOut(o) })
}

func TestSignOut_ByAHandler(t *testing.T) {
	t.Parallel()
	const entraPage = "https://login.entra.test/"
	for name, row := range map[string]struct {
		options  fibermsal.SignOutOptions
		location string // of the redirect, or the way back from Entra
		atEntra  bool
	}{
		"of everything":             {fibermsal.SignOutOptions{}, "https://intranet.example/bye", true},
		"to a page":                 {fibermsal.SignOutOptions{To: "/goodbye?from=here"}, publicURL + "/goodbye?from=here", true},
		"to another site":           {fibermsal.SignOutOptions{To: "https://evil.example/"}, publicURL + "/", true},
		"of the app":                {fibermsal.SignOutOptions{AppOnly: true}, "https://intranet.example/bye", false},
		"of the app, to a page":     {fibermsal.SignOutOptions{AppOnly: true, To: "/goodbye"}, "/goodbye", false},
		"of the app, to a host":     {fibermsal.SignOutOptions{AppOnly: true, To: "//evil.example"}, "/", false},
		"of the app, to a script":   {fibermsal.SignOutOptions{AppOnly: true, To: "javascript:alert(1)"}, "/", false},
		"of the app, into a header": {fibermsal.SignOutOptions{AppOnly: true, To: "/a\r\nX: y"}, "/", false},
		"of the app, to a route":    {fibermsal.SignOutOptions{AppOnly: true, To: "/user/login"}, "/", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger()
			var left []string
			s := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) {
				cfg.PostLogoutURL = "https://intranet.example/bye"
				cfg.OnSignOut = func(_ context.Context, u *fibermsal.User) error {
					left = append(left, u.Username)
					return nil
				}
			})
			s.signsOut(row.options)
			b, elsewhere := s.browser(), s.browser()
			b.signIn(adele)
			elsewhere.signIn(adele)
			a := b.PostForm("/leave", nil)
			location := a.Location()
			if row.atEntra {
				if !strings.HasPrefix(location, entraPage) || query(t, location).Get("logout_hint") == "" {
					t.Errorf("Location %q", location)
				}
				location = query(t, location).Get("post_logout_redirect_uri")
			}
			if a.StatusCode != http.StatusSeeOther || location != row.location {
				t.Errorf("%d to %q", a.StatusCode, location)
			}
			if b.session() != "" || b.user() != "" || !slices.Equal(left, []string{adele}) {
				t.Errorf("still signed in: %q, hook called for %v", b.user(), left)
			}
			if elsewhere.user() != adele {
				t.Error("the user's other browser is signed out")
			}
			if a := b.PostForm("/leave", nil); a.StatusCode != http.StatusSeeOther || len(left) != 1 {
				t.Errorf("again: %d, hook called for %v", a.StatusCode, left)
			}
		})
	}
}

func TestD10_HandlersSignOutWhileTheStorageIsDown(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	s.signsOut(fibermsal.SignOutOptions{AppOnly: true})
	b := s.browser()
	b.signIn(adele)
	l.fail(true, true)
	if a := b.PostForm("/leave", nil); a.StatusCode != http.StatusServiceUnavailable || b.session() != "" {
		t.Errorf("%d, session %q", a.StatusCode, b.session())
	}
}

// The page explains what has happened, and redirects to Entra unless the user should stay signed in
// there. It makes no difference whether the handler has requested the user before.
func TestD10_SignOutByAHandlerDuringAnOutageSaysThatTheBrowserIsSignedOut(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := newSite(t, newRegistration(t), inHaste(t, server))
	routeAll(s.app, "/leave", func(c *fiber.Ctx) error {
		if c.Query("asks") != "" {
			_, _ = fibermsal.FromContext(c)
		}
		return fibermsal.SignOut(fibermsal.SignOutOptions{AppOnly: c.Query("app") != ""})
	})
	browsers := map[string]*browser{}
	for _, query := range []string{"", "?asks=1", "?app=1", "?app=1&asks=1"} {
		browsers[query] = s.browser()
		browsers[query].awaitSignIn(adele)
	}
	server.Stop()
	for query, b := range browsers {
		old := b.session()
		a := b.PostForm("/leave"+query, nil)
		if a.StatusCode != http.StatusServiceUnavailable || b.session() != "" || !strings.Contains(a.Text, "signed out in this browser") || a.Header.Get("Retry-After") == "" {
			t.Errorf("%q: %d, session %q of %q\n%s", query, a.StatusCode, b.session(), old, a.Text)
		}
		target, text := link(t, a)
		if strings.Contains(query, "app") {
			if text != "Home page" || strings.Contains(a.Text, "Microsoft") {
				t.Errorf("%q: %q leads to %q\n%s", query, text, target, a.Text)
			}
			continue
		}
		if next := b.Navigate(target); text != "Try again" || !strings.Contains(next.Location(), "/oauth2/v2.0/logout?") {
			t.Errorf("%q: %q leads to %q and on to %q", query, text, target, next.Location())
		}
	}
}

// htmx does not see redirects.
func TestHTMX_HandlersSignOut(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.signsOut(fibermsal.SignOutOptions{AppOnly: true, To: "/goodbye"})
	b := s.browser()
	b.signIn(adele)
	a := b.Send(scripted(http.MethodPost, "/leave", "HX-Request: true"))
	if a.StatusCode != http.StatusOK || a.Location() != "" || a.Header.Get("HX-Redirect") != "/goodbye" || b.session() != "" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}

func TestOnSignOut_IsCalledByEndSessions(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var left []string
	s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.OnSignOut = func(ctx context.Context, u *fibermsal.User) error {
			mu.Lock()
			defer mu.Unlock()
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("the hook's context has no deadline")
			}
			left = append(left, u.Username)
			return http.ErrAbortHandler
		}
	})
	var b *browser
	for range 3 {
		b = s.browser()
		b.signIn(adele)
	}
	other := s.browser()
	other.signIn(alex)
	for range 2 {
		if _, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{TenantID: b.idp.TenantID, Mail: "nobody@contoso.com"}); err != nil {
			t.Fatal(err)
		}
	}
	for id, err := range s.auth.Sessions(t.Context(), fibermsal.SessionFilter{}) {
		if err != nil || id.User.Username != adele {
			continue
		}
		if n, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{TenantID: id.User.TenantID, UserID: id.User.ID}); n != 3 || err != nil {
			t.Errorf("%d sessions ended, %v", n, err)
		}
		break
	}
	if !slices.Equal(left, []string{adele, adele, adele}) || other.user() != alex {
		t.Errorf("called for %v", left)
	}
}

// Requests that a browser prefetches do not sign users in or out.
func TestA15_PrefetchingSignsNobodyOut(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.signsOut(fibermsal.SignOutOptions{AppOnly: true, To: "/goodbye"})
	s.starts(fibermsal.SignInOptions{To: "/guarded"})
	b := s.browser()
	b.signIn(adele)
	for _, path := range []string{"/leave", "/start"} {
		for _, purpose := range []string{"Sec-Purpose: prefetch", "Sec-Purpose: prefetch;prerender", "Purpose: prefetch"} {
			name, value, _ := strings.Cut(purpose, ": ")
			r := navigation(http.MethodGet, path)
			r.Header.Set(name, value)
			if a := b.Send(r); a.StatusCode != http.StatusServiceUnavailable || a.Location() != "" || len(a.Cookies()) != 0 || b.user() != adele {
				t.Errorf("%s, %s: %d to %q, signed in %q", path, purpose, a.StatusCode, a.Location(), b.user())
			}
		}
	}
	if a := b.Navigate("/leave"); a.Location() != "/goodbye" || b.user() != "" {
		t.Errorf("opened: %d to %q", a.StatusCode, a.Location())
	}
}

// A hook that panics is treated like one that returns an error. All sessions end, and users reach the
// same page.
func TestOnSignOut_PanicsKeepNobodySignedIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.OnSignOut = func(context.Context, *fibermsal.User) error { panic("the app's own") }
	})
	s.signsOut(fibermsal.SignOutOptions{AppOnly: true, To: "/goodbye"})
	for path, want := range map[string]string{"/leave": "/goodbye", "/user/logout": "https://login.entra.test/"} {
		b := s.browser()
		b.signIn(adele)
		if a := b.PostForm(path, nil); !strings.HasPrefix(a.Location(), want) || b.session() != "" {
			t.Errorf("%s: %d to %q, session %q", path, a.StatusCode, a.Location(), b.session())
		}
	}
	for range 40 {
		s.browser().signIn(adele)
	}
	s.browser().signIn(alex)
	user := collect(t, s.auth, fibermsal.SessionFilter{})[0].User
	n, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{TenantID: user.TenantID, Before: time.Now().Add(time.Minute)})
	if left := collect(t, s.auth, fibermsal.SessionFilter{}); n != 41 || err != nil || len(left) != 0 {
		t.Errorf("%d sessions ended and %d left: %v", n, len(left), err)
	}
	if log := s.log.String(); strings.Count(log, "OnSignOut failed") != 43 {
		t.Errorf("the log: %.2000s", log)
	}
}

func TestSession_HandlersKnowTheirOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.RecordBrowser = true })
	s.app.Get("/own", func(c *fiber.Ctx) error {
		own, ok := fibermsal.SessionFromContext(c)
		if !ok {
			return c.SendString("nobody")
		}
		return c.SendString(own.ID + " " + own.User.Username)
	})
	s.app.Get("/end-others", fibermsal.Require(), func(c *fiber.Ctx) error {
		own, _ := fibermsal.SessionFromContext(c)
		for other, err := range s.auth.Sessions(c.UserContext(), fibermsal.SessionFilter{TenantID: own.User.TenantID, UserID: own.User.ID}) {
			if err != nil {
				return err
			}
			if other.ID != own.ID {
				if _, err := s.auth.EndSessions(c.UserContext(), fibermsal.SessionFilter{ID: other.ID}); err != nil {
					return err
				}
			}
		}
		return c.SendString("ended")
	})
	here, there := s.browser(), s.browser()
	if a := here.Get("/own"); a.Text != "nobody" {
		t.Errorf("without a session: %q", a.Text)
	}
	here.signIn(adele)
	there.signIn(adele)
	mine := here.Get("/own").Text
	if id, user, _ := strings.Cut(mine, " "); id == "" || user != adele || mine == there.Get("/own").Text || strings.Contains(mine, here.session()) {
		t.Errorf("%q and %q", mine, there.Get("/own").Text)
	}
	if a := here.Get("/end-others"); a.Text != "ended" || here.user() != adele || there.user() != "" {
		t.Errorf("%s: here %q, there %q", a.Text, here.user(), there.user())
	}
}
