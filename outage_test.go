package fibermsal_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

func TestOutage_IsNeverASignOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		b := newSite(t, newIDP(t), onLedger(l)).browser()
		b.app.Get("/maybe", func(c *fiber.Ctx) error {
			_, ok := fibermsal.FromContext(c)
			return c.JSON(ok)
		})
		b.signIn(adele)
		before := b.session()
		l.fail(true, true)
		for _, path := range []string{"/guarded", "/user/info", "/token", "/maybe"} {
			a := b.Get(path)
			if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || len(a.Cookies()) != 0 {
				t.Errorf("%s: status %d, cookies %v", path, a.StatusCode, a.Cookies())
			}
			if a := b.Navigate(path); a.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("%s: a navigation got %d", path, a.StatusCode)
			}
		}
		if a := b.Get("/"); a.StatusCode != http.StatusOK {
			t.Errorf("a page that asks nobody: status %d", a.StatusCode)
		}
		l.fail(false, false)
		time.Sleep(time.Second)
		if b.session() != before || b.user() != adele {
			t.Error("the outage signed the user out")
		}
	})
}

func TestOutage_AnonymousOnlyByChoice(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) { cfg.AnonymousOnOutage = true }).browser()
	b.app.Get("/maybe", func(c *fiber.Ctx) error {
		_, ok := fibermsal.FromContext(c)
		return c.JSON(ok)
	})
	b.signIn(adele)
	l.fail(true, true)
	if a := b.Get("/maybe"); a.StatusCode != http.StatusOK || a.Text != "false" {
		t.Errorf("status %d %s", a.StatusCode, a.Text)
	}
	if a := b.Get("/guarded"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("guarded: status %d", a.StatusCode)
	}
}

func TestOutage_StaleSessionsOnlyByChoiceAndForAWhile(t *testing.T) {
	for name, row := range map[string]struct {
		choice time.Duration
		after  time.Duration
		served bool
	}{
		"not chosen":        {0, time.Second, false},
		"chosen, soon":      {5 * time.Minute, 4 * time.Minute, true},
		"chosen, too late":  {5 * time.Minute, 6 * time.Minute, false},
		"chosen, but ended": {15 * time.Minute, 12 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLedger()
				s := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) {
					cfg.StaleSessionsOnOutage, cfg.IdleTimeout, cfg.AbsoluteTimeout = row.choice, 10*time.Minute, 10*time.Minute
				})
				b, stranger := s.browser(), s.browser()
				b.signIn(adele)
				b.Get("/token")
				l.fail(true, true)
				time.Sleep(row.after)
				for _, path := range []string{"/guarded", "/token"} {
					if a := b.Get(path); (a.StatusCode == http.StatusOK) != row.served || (!row.served && a.StatusCode != http.StatusServiceUnavailable) {
						t.Errorf("%s: status %d", path, a.StatusCode)
					}
				}
				stranger.Jar[sessionCookie] = &http.Cookie{Name: sessionCookie, Value: strings.Repeat("A", 43)}
				if a := stranger.Get("/guarded"); a.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("somebody never seen: status %d", a.StatusCode)
				}
			})
		})
	}
}

func TestOutage_IsNoSignIn(t *testing.T) {
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	for path, err := range map[string]error{"/mine": fibermsal.ErrLoginRequired, "/admin": fibermsal.ErrForbidden} {
		s.app.Get(path, func(c *fiber.Ctx) error {
			if _, ok := fibermsal.FromContext(c); !ok {
				return err
			}
			return c.SendString("mine")
		})
	}
	b := s.browser()
	b.signIn(adele)
	l.fail(true, true)
	for _, path := range []string{"/mine", "/admin"} {
		for way, send := range ways {
			if way == "POST of a form" {
				continue
			}
			if a := b.Send(send(path)); a.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("%s by %s: %d %s", path, way, a.StatusCode, a.Location())
			}
		}
	}
}
