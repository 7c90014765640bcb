package fibermsal_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// Only the first call waits for Entra, because tokens are renewed in the background.
func TestOnBehalf_TokensAreRenewedUntilTheAssertionEnds(t *testing.T) {
	const day = 28 * time.Hour // as tokens of continuous access evaluation live
	for name, row := range map[string]struct {
		assertion, token, refresh, step time.Duration
		calls                           int
	}{
		"as long as the assertion":       {75 * time.Minute, 75 * time.Minute, 0, 10 * time.Second, 1},
		"ten minutes, by policy":         {75 * time.Minute, 600 * time.Second, 0, 10 * time.Second, 10},
		"both ten minutes":               {600 * time.Second, 600 * time.Second, 0, 10 * time.Second, 1},
		"a day, for ten minutes":         {600 * time.Second, day, day / 2, 10 * time.Second, 1},
		"an hour, for a day":             {day, 75 * time.Minute, 0, time.Minute, 26},
		"an hour, for a day, refresh_in": {day, 75 * time.Minute, 40 * time.Minute, time.Minute, 41},
		"both a day, refresh_in":         {day, day, day / 2, time.Minute, 1},
		"a few seconds less":             {75 * time.Minute, 75*time.Minute - 20*time.Second, 0, 10 * time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				idp := newIDP(t, entratest.WithAPI(ownAPI(2)), entratest.WithAccessTokenLifetime(row.assertion))
				s := newCallee(t, idp)
				tell(idp, row.token, row.refresh)
				idp.Fault(entratest.Token, entratest.Fault{Delay: 2 * time.Second})
				token, end := idp.Issue(adele, apiScope), time.Now().Add(row.assertion)
				slow := 0
				for time.Now().Before(end) {
					began := time.Now()
					if a := s.call("/api/graph", token); a.Text != adele {
						t.Fatalf("%v before the end: %d %s", time.Until(end), a.StatusCode, a.Text)
					}
					if time.Since(began) > 0 {
						slow++
					}
					time.Sleep(row.step)
				}
				calls := len(exchanges(idp))
				t.Logf("%d token calls, %d requests waited", calls, slow)
				if calls != row.calls || slow != 1 {
					t.Errorf("want %d token calls and one that waits", row.calls)
				}
			})
		})
	}
}

func TestOnBehalf_NoTokenOutlivesTheAssertion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
		s := newCallee(t, idp, onLedger(l))
		var kept []func() (time.Time, error)
		s.app.Get("/api/end", fibermsal.RequireToken(), func(c *fiber.Ctx) error {
			credential, ctx := fibermsal.TokenCredential(c), t.Context()
			get := func() (time.Time, error) {
				token, err := credential.GetToken(ctx, tokenRequest())
				return token.ExpiresOn, err
			}
			kept = append(kept, get)
			end, err := get()
			if err != nil {
				return err
			}
			return c.SendString(strconv.FormatInt(end.Unix(), 10))
		})
		token, end := idp.Issue(adele, apiScope), time.Now().Add(75*time.Minute)
		for _, left := range []time.Duration{time.Hour, 10 * time.Minute, 29 * time.Second, time.Second} {
			time.Sleep(time.Until(end) - left)
			for range 100 {
				a := s.call("/api/end", token)
				if got, _ := strconv.ParseInt(a.Text, 10, 64); a.StatusCode != http.StatusOK || got != end.Unix() {
					t.Fatalf("%v before the end: %d %s, want %d", left, a.StatusCode, a.Text, end.Unix())
				}
			}
		}
		if life := l.lives[l.key("t")]; len(l.keys()) != 1 || life > time.Hour || life < time.Hour-2*time.Second {
			t.Errorf("%v is stored for %v", l.keys(), life)
		}
		fresh := newCallee(t, idp) // an instance that starts in the last second
		if a := fresh.call("/api/graph", token); a.Text != adele {
			t.Errorf("in the last second: %d %s", a.StatusCode, a.Text)
		}
		calls := len(exchanges(idp))
		for _, after := range []time.Duration{0, 4 * time.Minute, time.Hour} { // guards accept it for five minutes
			time.Sleep(time.Until(end) + after)
			for _, path := range []string{"/api/end", "/api/graph"} {
				if a := s.call(path, token); a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
					t.Errorf("%v after the end, %s: %d %v", after, path, a.StatusCode, a.Header)
				}
			}
			if _, err := kept[0](); err == nil {
				t.Errorf("%v after the end, a credential that was kept has a token", after)
			}
		}
		if got := len(exchanges(idp)); calls != 2 || got != calls {
			t.Errorf("%d token calls before the end, %d after", calls, got-calls)
		}
	})
}

// If clients renew their tokens in time, a token is available at every second, and each assertion
// causes one call.
func TestOnBehalf_AssertionsFollowOneAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp := newIDP(t, entratest.WithAPI(ownAPI(1)), entratest.WithAccessTokenLifetime(600*time.Second))
		s := newCallee(t, idp)
		for range 10 {
			token := idp.Issue(adele, apiScope)
			for range 59 {
				if a := s.call("/api/graph", token); a.Text != adele {
					t.Fatalf("%d %s", a.StatusCode, a.Text)
				}
				time.Sleep(10 * time.Second)
			}
		}
		if n := len(exchanges(idp)); n != 10 {
			t.Errorf("%d token calls for 10 assertions", n)
		}
	})
}
