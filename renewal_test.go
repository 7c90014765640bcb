package fibermsal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
)

func TestToken_IsRenewedAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// In this test a refresh token can be used only once, so each renewal needs the stored one.
		b := newSite(t, newIDP(t, entratest.WithOneTimeRefreshTokens()), func(cfg *fibermsal.Config) {
			cfg.IdleTimeout, cfg.AbsoluteTimeout = 12*time.Hour, 12*time.Hour
		}).browser()
		b.signIn(adele)
		for range 4 {
			b.idp.ResetRequests()
			if a := b.Get("/token"); a.Text != adele {
				t.Fatalf("token: %d %s\n%s", a.StatusCode, a.Text, b.log)
			}
			b.Get("/token")
			if n := b.idp.Count(entratest.Token); n > 1 {
				t.Errorf("%d token calls for one expiry", n)
			}
			time.Sleep(2 * time.Hour)
		}
	})
}

func TestToken_IsRenewedAheadWithoutAnybodyWaiting(t *testing.T) {
	for name, row := range map[string]struct {
		option entratest.Option
		after  time.Duration
	}{
		"before its end":   {entratest.WithAccessTokenLifetime(time.Hour), 51 * time.Minute},
		"when Entra says":  {entratest.WithRefreshIn(20 * time.Minute), 21 * time.Minute},
		"half-way, if new": {entratest.WithAccessTokenLifetime(8 * time.Minute), 7 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newSite(t, newIDP(t, row.option)).browser()
				b.signIn(adele)
				b.Get("/token")
				time.Sleep(row.after)
				b.idp.ResetRequests()
				b.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Delay: 5 * time.Second})
				for range 20 {
					before := time.Now()
					if a := b.Get("/token"); a.Text != adele || time.Since(before) > time.Second {
						t.Fatalf("%v: %d %s", time.Since(before), a.StatusCode, a.Text)
					}
				}
				time.Sleep(10 * time.Second)
				b.Get("/token")
				if n := b.idp.Count(entratest.Token); n != 1 {
					t.Errorf("%d token calls", n)
				}
			})
		})
	}
}

func TestG10_ConcurrentRequestsRenewOnce(t *testing.T) {
	for _, n := range []int{50, 1000} {
		t.Run(strconv.Itoa(n), func(t *testing.T) { renewTogether(t, n) })
	}
}

func renewTogether(t *testing.T, n int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newIDP(t, entratest.WithOneTimeRefreshTokens())).browser()
		b.signIn(adele)
		time.Sleep(2 * time.Hour)
		b.idp.ResetRequests()
		b.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Delay: time.Second})
		var wait sync.WaitGroup
		var tokens sync.Map
		b.app.Get("/which", func(c *fiber.Ctx) error {
			token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), tokenRequest())
			tokens.Store(token.Token, nil)
			return err
		})
		for range n {
			r := request(http.MethodGet, "/which", "")
			r.AddCookie(b.Jar[sessionCookie])
			wait.Go(func() {
				if a := b.send(r); a.StatusCode != http.StatusOK {
					t.Errorf("%d %s", a.StatusCode, a.Text)
				}
			})
		}
		wait.Wait()
		different := 0
		tokens.Range(func(any, any) bool { different++; return true })
		if different != 1 {
			t.Errorf("%d different tokens", different)
		}
		calls := b.idp.Count(entratest.Token)
		figure.Report(t, figure.Figure{Row: "R6", Name: fmt.Sprintf("token calls of %d requests on an expired token", n), Value: strconv.Itoa(calls)})
		if calls != 1 {
			t.Errorf("%d token calls", calls)
		}
	})
}

type replacing interface {
	Replace(ctx context.Context, options policy.TokenRequestOptions, rejected string) (azcore.AccessToken, error)
}

func TestToken_ConcurrentCallsShareTheReplacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		b := s.browser()
		b.signIn(adele)
		tenant, id := userOf(t, b)
		u, err := s.auth.UserByID(t.Context(), tenant, id)
		if err != nil {
			t.Fatal(err)
		}
		k := u.TokenCredential()
		token, err := k.GetToken(t.Context(), tokenRequest())
		if err != nil {
			t.Fatal(err)
		}
		s.idp.ResetRequests()
		s.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Delay: time.Second})
		var wait sync.WaitGroup
		for range 5 {
			wait.Go(func() {
				got, err := k.(replacing).Replace(t.Context(), tokenRequest(), token.Token)
				if err != nil || got.Token == token.Token {
					t.Errorf("%v", err)
				}
			})
		}
		wait.Wait()
		if n := s.idp.Count(entratest.Token); n != 1 {
			t.Errorf("%d token calls", n)
		}
	})
}

func TestG22_OneWhoGivesUpDoesNotStopTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		s.app.Get("/hasty", func(c *fiber.Ctx) error {
			ctx, cancel := context.WithTimeout(c.UserContext(), 100*time.Millisecond)
			defer cancel()
			_, err := fibermsal.TokenCredential(c).GetToken(ctx, tokenRequest())
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, fibermsal.ErrUnavailable) {
				t.Errorf("hasty: %v", err)
			}
			return err
		})
		b := s.browser()
		b.signIn(adele)
		time.Sleep(2 * time.Hour)
		b.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Delay: time.Second})
		hasty := request(http.MethodGet, "/hasty", "")
		hasty.AddCookie(b.Jar[sessionCookie])
		var wait sync.WaitGroup
		wait.Go(func() { b.send(hasty) })
		synctest.Wait()
		if a := b.Get("/token"); a.Text != adele {
			t.Errorf("%d %s", a.StatusCode, a.Text)
		}
		wait.Wait()
	})
}
