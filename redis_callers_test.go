package fibermsal_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// A job or a request whose time limit expired gives no information about the storage.
func TestRedis_CallersWhoGiveUpConcernNobodyElse(t *testing.T) {
	t.Parallel()
	for name, give := range map[string]func(ended context.Context, b *browser) error{
		"a worker that looks for a user": func(ended context.Context, b *browser) error {
			_, err := b.auth.UserByID(ended, b.claim("tid"), b.claim("oid"))
			return err
		},
		"a worker that needs a token": func(ended context.Context, b *browser) error {
			u, err := b.auth.UserByID(context.Background(), b.claim("tid"), b.claim("oid"))
			if err != nil {
				b.t.Fatal(err)
			}
			_, err = u.TokenCredential().GetToken(ended, tokenRequest())
			return err
		},
		"an administrator": func(ended context.Context, b *browser) error {
			_, err := b.auth.EndSessions(ended, fibermsal.SessionFilter{TenantID: b.claim("tid"), UserID: "somebody-else"})
			return err
		},
		"a request with little time": func(_ context.Context, b *browser) error {
			if a := b.Get("/hasty"); a.StatusCode != http.StatusOK {
				return errors.New(a.Status)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, newRegistration(t), on(t, redistest.Start(t)))
			s.app.Get("/hasty", func(c *fiber.Ctx) error {
				ctx, cancel := context.WithTimeout(c.UserContext(), time.Nanosecond)
				defer cancel()
				c.SetUserContext(ctx)
				return c.Next()
			}, fibermsal.Require(), func(c *fiber.Ctx) error { return c.SendString("in time") })
			b := s.browser()
			b.signIn(adele)
			ended, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
			defer cancel()
			for range 20 {
				if err := give(ended, b); err == nil {
					t.Fatal("the caller had all the time it needed")
				}
				if a := b.Get("/guarded"); a.StatusCode != http.StatusOK {
					t.Fatalf("another request: status %d\n%s", a.StatusCode, s.log)
				}
			}
		})
	}
}

// claim is a field of the user's /user/info.
func (b *browser) claim(name string) string {
	b.t.Helper()
	value, _ := b.Get("/user/info").JSON(b.t)[name].(string)
	return value
}

// If Redis accepts no writes, prolonging sessions is tried from time to time, and not for every request
// of every session.
func TestRedis_SessionThatCannotBeProlongedIsServed(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	s := newSite(t, newRegistration(t), on(t, r), func(cfg *fibermsal.Config) { cfg.IdleTimeout = 30 * time.Second })
	browsers := make([]*browser, 10)
	for i := range browsers {
		browsers[i] = s.browser()
		browsers[i].signIn(adele)
	}
	<-time.After(3100 * time.Millisecond) // more than a tenth of the idle time
	if err := r.Client().ConfigSet(t.Context(), "min-replicas-to-write", "1").Err(); err != nil {
		t.Fatal(err)
	}
	before, began := commands(t, r), time.Now()
	const rounds = 10
	for range rounds {
		for _, b := range browsers {
			if a := b.Get("/guarded"); a.StatusCode != http.StatusOK {
				t.Fatalf("status %d\n%s", a.StatusCode, s.log)
			}
		}
	}
	seconds := int(time.Since(began)/time.Second) + 1
	if got, most := commands(t, r)-before, rounds*len(browsers)+2*(seconds+1); got > most {
		t.Errorf("%d commands, want at most %d", got, most)
	}
	if err := r.Client().ConfigSet(t.Context(), "min-replicas-to-write", "0").Err(); err != nil {
		t.Fatal(err)
	}
	<-time.After(1100 * time.Millisecond) // longer than the pause
	before = commands(t, r)
	for _, b := range browsers {
		b.Get("/guarded")
	}
	if got := commands(t, r) - before; got != 3*len(browsers) {
		t.Errorf("%d commands once it takes writes again, want %d", got, 3*len(browsers))
	}
}
