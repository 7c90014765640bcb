package fibermsal_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// panicky is a logger of the app that panics after it has been switched on.
type panicky struct {
	slog.Handler
	now *atomic.Bool
}

func (h panicky) Enabled(context.Context, slog.Level) bool { return true }

func (h panicky) Handle(context.Context, slog.Record) error {
	if h.now.Load() {
		panic("a handler of the app's logger")
	}
	return nil
}

func (h panicky) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h panicky) WithGroup(string) slog.Handler { return h }

// After a panic, the background work and the process continue.
func TestG23_ALoggerThatPanicsInTheBackgroundEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := new(atomic.Bool)
		l, idp := newLedger(), newIDP(t, entratest.WithOneTimeRefreshTokens())
		s := newSite(t, idp, onLedger(l), func(cfg *fibermsal.Config) {
			cfg.Logger = slog.New(panicky{slog.DiscardHandler, now})
		})
		b, leaver := s.browser(), s.browser()
		b.signIn(adele)
		leaver.signIn(alex)
		time.Sleep(2 * time.Hour)
		l.fail(false, true)
		b.serves("/token")
		l.failDeletes(true)
		leaver.Send(request(http.MethodPost, "/user/logout", ""))
		now.Store(true)
		l.failDeletes(false)
		time.Sleep(10 * time.Second)
		l.fail(false, false)
		time.Sleep(10 * time.Second)
		now.Store(false)
		if n := len(l.keys()); n != 2 {
			t.Errorf("%d records, want those of the session that lives: %v", n, l.keys())
		}
		time.Sleep(2 * time.Hour)
		b.serves("/token")
	})
}

// transport is a transport of the app that calls a function for some requests.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestG23_ATransportThatPanicsIsAnOutageOfEntra(t *testing.T) {
	for name, path := range map[string]string{
		"configuration": "/.well-known/openid-configuration",
		"keys":          "/discovery/v2.0/keys",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var broken atomic.Bool
				broken.Store(true)
				idp := newIDP(t)
				b := newSite(t, idp, func(cfg *fibermsal.Config) {
					cfg.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
						if broken.Load() && strings.HasSuffix(r.URL.Path, path) {
							panic("a transport of the app's")
						}
						return idp.HTTPClient.Transport.RoundTrip(r)
					})}
				}).browser()
				a := b.Navigate("/user/login")
				if a.StatusCode == http.StatusSeeOther {
					a = b.Send(b.approve(a.Location(), adele).Request())
				}
				if a.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("status %d\n%s", a.StatusCode, b.log)
				}
				broken.Store(false)
				time.Sleep(10 * time.Second)
				b.signIn(adele)
			})
		})
	}
}

// Goroutines of the library repeat failed writes and removals. A panic of the app's storage there would
// end the process.
func TestG23_AStorageThatPanicsIsOneThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, b := expired(t)
		l.panics = true
		l.fail(false, true)
		b.serves("/token")
		time.Sleep(10 * time.Second)
		l.fail(true, false)
		for _, r := range []*http.Request{request(http.MethodGet, "/token", ""), request(http.MethodPost, "/user/logout", "")} {
			if a := b.Send(r); a.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("%s: status %d", r.URL, a.StatusCode)
			}
		}
		time.Sleep(10 * time.Second)
		l.fail(false, false)
		time.Sleep(10 * time.Second)
		if len(l.keys()) != 0 {
			t.Errorf("came back: %v", l.keys())
		}
	})
}

// If a middleware recovers from a panic behind a second Auth, it must get the user of the first one.
func TestPanics_TheUserOfAnInnerAuthDoesNotLeakOutwards(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	open := func(name string) *fibermsal.Auth {
		cfg := configFor(idp)
		cfg.CookieName = name
		auth, err := fibermsal.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = auth.Close() })
		return auth
	}
	outer, inner := open("outer"), open("fibermsal")
	app := newApp()
	app.Use(outer.Handler())
	app.Use(func(c *fiber.Ctx) error {
		err := c.Next()
		if user, ok := fibermsal.FromContext(c); ok {
			t.Errorf("%s is signed in at the outer Auth", user.Username)
		}
		return err
	})
	app.Use(recoverPanics())
	app.Use(inner.Handler())
	fibermsal.RegisterRoutes(app)
	app.Get("/panic", func(c *fiber.Ctx) error {
		if _, ok := fibermsal.FromContext(c); !ok {
			t.Error("nobody is signed in at the inner Auth")
		}
		panic("the app's own")
	})
	b := siteOf(t, app, idp, &logbook{}).browser()
	b.signIn(adele)
	b.Get("/panic")
}
