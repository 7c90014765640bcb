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

func TestD11_IdleAndAbsoluteEnd(t *testing.T) {
	for name, row := range map[string]struct {
		every, until time.Duration
		signedIn     bool
	}{
		"used often, before the absolute end": {20 * time.Minute, 9 * time.Hour, true},
		"used often, after the absolute end":  {20 * time.Minute, 11 * time.Hour, false},
		"idle for too long":                   {61 * time.Minute, 2 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
					cfg.IdleTimeout, cfg.AbsoluteTimeout = time.Hour, 10*time.Hour
				}).browser()
				b.signIn(adele)
				for passed := time.Duration(0); passed < row.until; passed += row.every {
					time.Sleep(row.every)
					b.user()
				}
				if signedIn := b.user() == adele; signedIn != row.signedIn {
					t.Errorf("alive: %v", signedIn)
				}
			})
		})
	}
}

// An open page polls for news, which does not keep its user signed in.
func TestD11_PassiveRequestsDoNotProlongTheSession(t *testing.T) {
	for name, storage := range map[string]func(*fibermsal.Config){"memory": func(*fibermsal.Config) {}, "storage": onLedger(newLedger())} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, newIDP(t), storage, func(cfg *fibermsal.Config) {
					cfg.IdleTimeout, cfg.AbsoluteTimeout = time.Hour, 10*time.Hour
				})
				polled := func(c *fiber.Ctx) error {
					token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), tokenRequest())
					if err != nil {
						return err
					}
					owner, _ := s.idp.TokenUser(token.Token)
					return c.SendString(owner)
				}
				s.app.Get("/poll", fibermsal.Passive(), fibermsal.Require(), fibermsal.Passive(), polled)
				b := s.browser()
				b.signIn(adele)
				poll := func(over time.Duration) (answered time.Duration) {
					for ; answered < over; answered += time.Minute {
						time.Sleep(time.Minute)
						if a := b.Get("/poll"); a.StatusCode != http.StatusOK || a.Text != adele {
							return answered
						}
					}
					return answered
				}
				if lasted := poll(3 * time.Hour); lasted < 50*time.Minute || lasted > 70*time.Minute {
					t.Errorf("polling kept the session for %v", lasted)
				}
				b.signIn(adele)
				for range 4 { // who also works stays signed in
					poll(50 * time.Minute)
					if b.Get("/guarded").StatusCode != http.StatusOK {
						t.Fatal("signed out while working")
					}
				}
				if lasted := poll(3 * time.Hour); lasted < 50*time.Minute || lasted > 70*time.Minute {
					t.Errorf("polling kept the session for %v after the last request", lasted)
				}
			})
		})
	}
}

func TestD11_SlidingWritesAreRare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		b := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) { cfg.IdleTimeout = time.Hour }).browser()
		b.signIn(adele)
		_, before := l.count()
		for range 360 { // an hour of one request every 10 seconds
			time.Sleep(10 * time.Second)
			b.user()
		}
		_, after := l.count()
		if touches := (after - before) / 2; touches > 11 || touches < 9 {
			t.Errorf("%d touches in an idle period", touches)
		}
	})
}

func TestD11_IdleSessionsEndOnAStorageThatKeepsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger() // which ignores how long a value lives, as bbolt does
		s := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) { cfg.IdleTimeout = time.Hour })
		active, idle := s.browser(), s.browser()
		active.signIn(adele)
		idle.signIn(adele)
		for range 5 {
			time.Sleep(50 * time.Minute)
			if active.user() != adele {
				t.Fatal("a session that is used ended")
			}
		}
		all := collect(t, s.auth, fibermsal.SessionFilter{})
		if len(all) != 1 || !all[0].IdleAt.Equal(time.Now().Add(time.Hour).Truncate(time.Millisecond)) || time.Since(all[0].LastSeenAt) > time.Second {
			t.Errorf("%+v", all)
		}
		restarted := newSite(t, s.idp, onLedger(l), func(cfg *fibermsal.Config) { cfg.IdleTimeout = time.Hour })
		idle.site, active.site = restarted, restarted
		if idle.user() != "" || active.user() != adele {
			t.Errorf("%q is signed in with the idle session, %q with the other", idle.user(), active.user())
		}
		if keys := l.keys(); len(keys) != 2 {
			t.Errorf("stored: %v", keys)
		}
	})
}

// With more concurrent users than fit into the cache of a process, a session is prolonged as seldom as
// with few users.
func TestSession_IsProlongedOnceAlsoWhereItIsForgottenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		s := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) {
			cfg.IdleTimeout = 10 * time.Hour
		})
		browsers := make([]*browser, 5)
		for i := range browsers {
			browsers[i] = s.browser()
			browsers[i].signIn(adele)
		}
		for hour := range 5 {
			_, before := l.count()
			for range 10 {
				for _, b := range browsers {
					forgetSessions(s.auth)
					if b.user() != adele {
						t.Fatal("not signed in")
					}
				}
				time.Sleep(5 * time.Minute)
			}
			_, after := l.count()
			want := 2 * len(browsers) // each has two records
			if hour == 0 {
				want = 0
			}
			if after-before != want {
				t.Errorf("hour %d: %d writes, want %d", hour, after-before, want)
			}
			time.Sleep(15 * time.Minute)
		}
	})
}

// If Passive is called after the user was requested, it is too late. This is logged once.
func TestD11_PassiveThatComesTooLateIsLogged(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.app.Get("/first", fibermsal.Passive(), fibermsal.Require(), fibermsal.Passive(), func(c *fiber.Ctx) error { return c.SendString("first") })
	s.app.Get("/late", fibermsal.Require(), fibermsal.Passive(), func(c *fiber.Ctx) error { return c.SendString("late") })
	b := s.browser()
	b.signIn(adele)
	for _, row := range []struct {
		path string
		want int
	}{{"/first", 0}, {"/late", 1}, {"/late", 1}} {
		if a := b.Navigate(row.path); a.Text != row.path[1:] {
			t.Errorf("%s: %d", row.path, a.StatusCode)
		}
		if n := strings.Count(s.log.String(), "Passive runs after"); n != row.want {
			t.Errorf("%s: %d lines\n%s", row.path, n, s.log)
		}
	}
}
