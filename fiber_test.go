package fibermsal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

func TestH1_BuffersOfAConnectionDoNotMixUsers(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	sessions := map[string]string{}
	for _, u := range s.idp.Users()[:6] {
		b := s.browser()
		b.signIn(u.UPN)
		sessions[u.UPN] = b.session()
	}
	client := s.serve()
	for round := range 300 {
		for upn, cookie := range sessions {
			if status, body := fetch(t, client, "/guarded", cookie); status != http.StatusOK || body != "hello "+upn {
				t.Fatalf("round %d: %s got %d %q", round, upn, status, body)
			}
		}
		// Cookies of the same length that overwrite the connection's buffer.
		fetch(t, client, "/user/login?to=/"+strings.Repeat("z", round), strings.Repeat("A", 43))
	}
	if n := len(l.keys()); n != 12 {
		t.Errorf("%d records of 6 sessions", n)
	}
}

func TestH2_UserOutlivesTheHandler(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	var wait sync.WaitGroup
	var wrong, checked atomic.Int32
	s.app.Get("/later", fibermsal.Require(), func(c *fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		credential := fibermsal.TokenCredential(c)
		want := user.Username
		wait.Go(func() {
			time.Sleep(time.Millisecond)
			token, err := credential.GetToken(context.Background(), tokenRequest())
			owner, _ := s.idp.TokenUser(token.Token)
			if checked.Add(1); err != nil || owner != want || strings.Clone(user.Username) != want {
				wrong.Add(1)
			}
		})
		return c.SendString(want)
	})
	sessions := map[string]string{}
	for _, u := range s.idp.Users()[:4] {
		b := s.browser()
		b.signIn(u.UPN)
		sessions[u.UPN] = b.session()
	}
	client := s.serve()
	client.Transport = noCookies{client.Transport, t} // a handler that writes late writes into somebody else's answer
	for range 2500 {
		for upn, cookie := range sessions {
			if status, body := fetch(t, client, "/later", cookie); status != http.StatusOK || body != upn {
				t.Fatalf("%s got %d %q", upn, status, body)
			}
		}
	}
	wait.Wait()
	if wrong.Load() != 0 || checked.Load() != 10_000 {
		t.Errorf("%d wrong of %d", wrong.Load(), checked.Load())
	}
}

// noCookies checks that no answer sets a cookie.
type noCookies struct {
	http.RoundTripper
	t *testing.T
}

func (n noCookies) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := n.RoundTripper.RoundTrip(r)
	if err == nil && len(resp.Header["Set-Cookie"]) != 0 {
		n.t.Errorf("%s: a foreign cookie: %q", r.URL, resp.Header["Set-Cookie"])
	}
	return resp, err
}

func TestH4_ManyConsumersOfOneRequestCostOneRead(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	fromContext := func(c *fiber.Ctx) error {
		fibermsal.FromContext(c)
		fibermsal.TokenCredential(c)
		return c.Next()
	}
	b.app.Get("/chain", fromContext, fibermsal.Require(), fromContext, fibermsal.Require(), func(c *fiber.Ctx) error {
		u, _ := fibermsal.FromContext(c)
		return c.SendString(u.Username)
	})
	b.signIn(adele)
	before, _ := l.count()
	a := b.Get("/chain")
	after, _ := l.count()
	if a.Text != adele || after-before != 1 {
		t.Errorf("%d reads, %q", after-before, a.Text)
	}
	before, _ = l.count()
	b.Get("/")
	if after, _ = l.count(); after != before {
		t.Errorf("a page that asks nobody cost %d reads", after-before)
	}
}

func TestFiber_ErrorsReachWhoeverHandlesThem(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	app := fiber.New(fiber.Config{ErrorHandler: func(c *fiber.Ctx, err error) error {
		return c.Status(fiber.StatusTeapot).SendString("app: " + err.Error())
	}})
	cfg := configFor(idp)
	cfg.Logger = slog.New(slog.DiscardHandler)
	cfg.ErrorHandler = func(c *fiber.Ctx, err error) error {
		var f *fiber.Error
		if !asFiber(err, &f) {
			return err
		}
		var ours *fibermsal.Error
		if !errors.As(err, &ours) || len(ours.CorrelationID) != 16 {
			t.Errorf("correlation id %q", ours.CorrelationID)
		}
		return c.Status(f.Code).SendString("handler: " + f.Message)
	}
	app.Use(fibermsal.New(cfg))
	app.Get("/foreign", func(*fiber.Ctx) error { return io.ErrUnexpectedEOF })
	app.Get("/ours", func(*fiber.Ctx) error { return fmt.Errorf("reports: %w", fibermsal.ErrUnavailable) })
	app.Get("/login", func(*fiber.Ctx) error { return fmt.Errorf("reports: %w", fibermsal.ErrLoginRequired) })
	s := siteOf(t, app, idp, &logbook{})
	if a := s.send(request(http.MethodGet, "/foreign", "")); a.StatusCode != fiber.StatusTeapot || a.Text != "app: unexpected EOF" {
		t.Errorf("a foreign error: %d %s", a.StatusCode, a.Text)
	}
	if a := s.send(request(http.MethodGet, "/ours", "")); a.StatusCode != 503 || a.Text != "handler: The service is busy. Please try again in a moment." {
		t.Errorf("ours: %d %s", a.StatusCode, a.Text)
	}
	if a := s.send(request(http.MethodGet, "/login", "")); a.StatusCode != 401 || a.JSON(t)["code"] != "login_required" {
		t.Errorf("interaction: %d %s", a.StatusCode, a.Text)
	}
}

func TestFiber_WithoutTheMiddlewareNothingIsOpen(t *testing.T) {
	t.Parallel()
	app := newApp()
	fibermsal.RegisterRoutes(app)
	app.Get("/guarded", fibermsal.Require(), func(c *fiber.Ctx) error { return c.SendString("secret") })
	app.Get("/who", func(c *fiber.Ctx) error {
		_, ok := fibermsal.FromContext(c)
		return c.JSON(ok)
	})
	app.Get("/token", func(c *fiber.Ctx) error {
		_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), tokenRequest())
		return err
	})
	s := siteOf(t, app, newIDP(t), &logbook{})
	for _, path := range []string{"/guarded", "/token", "/user/login", "/user/info", "/user/logout"} {
		if a := s.send(request(http.MethodGet, path, "")); a.StatusCode != 500 || strings.Contains(a.Text, "secret") {
			t.Errorf("%s: status %d %s", path, a.StatusCode, a.Text)
		}
	}
	if a := s.send(request(http.MethodGet, "/who", "")); a.Text != "false" {
		t.Errorf("who: %s", a.Text)
	}
}

func TestFiber_RoutesInAnotherPlaceSaySoAtTheStart(t *testing.T) {
	t.Parallel()
	auth := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.RoutePrefix = "/api/user" }).auth
	for name, row := range map[string]struct {
		register func()
		says     string
	}{
		"in a group":                    {func() { fibermsal.RegisterRoutes(newApp().Group("/api")) }, "RoutePrefix /api/user"},
		"in a group of a group":         {func() { fibermsal.RegisterRoutes(newApp().Group("/api").Group("/v1")) }, "RoutePrefix /api/v1/user"},
		"in a group beside RoutePrefix": {func() { auth.RegisterRoutes(newApp().Group("/app")) }, "but their prefix is /api/user"},
		"in a group that begins alike":  {func() { auth.RegisterRoutes(newApp().Group("/api/us")) }, "but their prefix is /api/user"},
		"New with a RoutePrefix of its own": {func() {
			cfg := configFor(newIDP(t))
			cfg.RoutePrefix = "/account"
			fibermsal.New(cfg)
		}, "use Open and Auth.RegisterRoutes"},
	} {
		if got := panicOf(row.register); !strings.Contains(got, row.says) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// panicOf returns what a function panics with, or "".
func panicOf(f func()) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprint(p)
		}
	}()
	f()
	return ""
}

func TestFiber_RoutesInAGroupThatLeadsToTheirPrefix(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	for _, group := range []string{"/", "/user", "/user/"} {
		cfg := configFor(idp)
		app := newApp()
		app.Use(fibermsal.New(cfg))
		fibermsal.RegisterRoutes(app.Group(group))
		if a := siteOf(t, app, idp, &logbook{}).send(request(http.MethodGet, "/user/login", "")); a.StatusCode != http.StatusSeeOther {
			t.Errorf("%q: status %d", group, a.StatusCode)
		}
	}
}

// The path at which an app is mounted is not known before the first request.
func TestFiber_RoutesOfAMountedAppInAnotherPlaceSaySo(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	inner := newApp()
	fibermsal.RegisterRoutes(inner)
	mountAt(s.app, "/api", inner)
	if a := s.send(request(http.MethodGet, "/api/user/login", "")); a.StatusCode != 500 {
		t.Errorf("status %d", a.StatusCode)
	}
	if !strings.Contains(s.log.String(), "set RoutePrefix") {
		t.Errorf("the log does not say what to do:\n%s", s.log)
	}
}

func TestFiber_NextSkipsTheMiddleware(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.Next = func(c *fiber.Ctx) bool { return c.Path() == "/guarded" }
	}).browser()
	b.signIn(adele)
	if a := b.Get("/guarded"); a.StatusCode != 500 {
		t.Errorf("a guard that was skipped over must not let anybody pass: status %d", a.StatusCode)
	}
}

func TestD11_TheLibrarysRoutesCanBePassive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp, app := newIDP(t), newApp()
		cfg := configFor(idp)
		cfg.IdleTimeout = time.Hour
		app.Use(fibermsal.New(cfg))
		app.Use("/user/info", fibermsal.Passive())
		fibermsal.RegisterRoutes(app)
		t.Cleanup(func() { _ = app.Shutdown() })
		b := siteOf(t, app, idp, &logbook{}).browser()
		b.signIn(adele)
		for range 10 {
			if b.user() != adele {
				t.Fatal("signed out at once")
			}
			time.Sleep(6 * time.Minute)
		}
		time.Sleep(time.Minute)
		if b.user() != "" {
			t.Error("polling /user/info keeps the user signed in")
		}
	})
}

// Entra's response uses the exact spelling of the redirect URI. Other spellings, which an attacker can
// send, are refused like any POST without a token.
func TestA17_OnlyEntrasAnswerIsHintedAt(t *testing.T) {
	t.Parallel()
	log, app, idp := &logbook{}, newApp(), newIDP(t)
	cfg := configFor(idp)
	cfg.Logger = slog.New(slog.NewJSONHandler(log, nil))
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app)
	app.Use(checkCSRF(nil))
	s := siteOf(t, app, idp, log)
	for _, path := range []string{"/USER/authorized", "/user/Authorized", "/user/authorized/", "/user/%61uthorized", "/user//authorized"} {
		r := request(http.MethodPost, path, "")
		r.Header.Set("X-Forwarded-Proto", "https")
		if a := s.send(r); a.StatusCode != http.StatusForbidden || strings.Contains(log.String(), "CSRF") {
			t.Errorf("%s: %d\n%s", path, a.StatusCode, log)
		}
	}
}

func asFiber(err error, target **fiber.Error) bool { return errors.As(err, target) }

func TestA17_CSRFMiddlewareMustSkipEntrasAnswer(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	skipsRoutes := func(c *fiber.Ctx) bool { return strings.HasPrefix(c.Path(), "/user/") }
	for name, row := range map[string]struct {
		next   func(*fiber.Ctx) bool
		behind bool
		status int
	}{
		"in front of the routes": {nil, false, http.StatusForbidden},
		"skips the routes":       {skipsRoutes, false, http.StatusSeeOther},
		"behind the routes":      {nil, true, http.StatusSeeOther},
	} {
		log := &logbook{}
		cfg := configFor(idp)
		cfg.Logger = slog.New(slog.NewJSONHandler(log, nil))
		app := newApp()
		app.Use(fibermsal.New(cfg))
		if row.behind {
			fibermsal.RegisterRoutes(app)
		}
		app.Use(checkCSRF(row.next))
		if !row.behind {
			fibermsal.RegisterRoutes(app)
		}
		b := siteOf(t, app, idp, log).browser()
		response := b.approve(b.start(""), adele).Request()
		response.Header.Set("X-Forwarded-Proto", "https") // Fiber's middleware looks at referrers then
		a := b.Send(response)
		if a.StatusCode != row.status {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
		}
		if hinted := strings.Contains(log.String(), "in front of the CSRF middleware"); hinted != (row.status == http.StatusForbidden) {
			t.Errorf("%s: hinted %v\n%s", name, hinted, log)
		}
		if row.status == http.StatusForbidden {
			continue
		}
		if a := b.PostForm("/user/logout", nil); a.StatusCode != http.StatusSeeOther || b.user() != "" {
			t.Errorf("%s: signing out: %d %s", name, a.StatusCode, a.Text)
		}
	}
}

// Without the middleware a handler's request for a sign-in or sign-out has no effect, so the call must
// fail visibly.
func TestFiber_SignOutWithoutTheMiddlewareIsAFault(t *testing.T) {
	t.Parallel()
	app := newApp()
	app.Post("/leave", func(*fiber.Ctx) error { return fibermsal.SignOut(fibermsal.SignOutOptions{AppOnly: true}) })
	response, err := app.Test(request(http.MethodPost, "/leave", ""))
	if err != nil {
		t.Fatal(err)
	}
	if a := browsertest.Read(t, response); a.StatusCode != http.StatusInternalServerError || !strings.Contains(a.Text, "not set up correctly") {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
}
