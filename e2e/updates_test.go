package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/record"
)

// Each of a hundred renewals adds a token to the same record. They wait for each other, for 21 seconds
// at most, so this test does not run in parallel with others.
func TestD9_ConcurrentRenewalsInTwoProcessesLoseNothing(t *testing.T) {
	scopes := make([]string, 100) // of as many APIs, for a token is for one
	if raceEnabled {
		scopes = scopes[:40] // each turn takes ten times as long
	}
	for i := range scopes {
		scopes[i] = fmt.Sprintf("api://app%02d/Read", i)
	}
	for name, row := range map[string]struct {
		option entratest.Option
		thief  bool // takes the locks away, so that processes write at the same time
	}{
		"refresh tokens work once": {entratest.WithOneTimeRefreshTokens(), false},
		"locks are lost":           {entratest.WithScopes(), true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClusterRunning(t, startWorkbench, patientRedis, []entratest.Option{entratest.WithScopes(scopes...), row.option})
			if row.thief {
				defer c.stealLocks()()
			}
			for range repeats(10) {
				cookie := c.signIn(adele.login)
				c.consent(adele.login, scopes)
				c.checkUpdates(cookie, scopes)
			}
		})
	}
}

// checkUpdates renews the token of each scope, and checks that all are in the record.
func (c *cluster) checkUpdates(cookie string, scopes []string) {
	c.t.Helper()
	c.idp.server.ResetRequests()
	began := time.Now()
	given := c.tokensFor(cookie, scopes)
	took := time.Since(began)
	calls := c.idp.server.Count(entratest.Token)
	for scope, token := range given {
		if owner, ok := c.idp.server.TokenUser(token); !ok || owner != adele.login {
			c.t.Errorf("%s: %.300s", scope, token)
		}
	}
	lost := c.missing(cookie, given)
	c.t.Logf("%d renewals in %v: %d tokens lost, %d token calls", len(scopes), took.Round(time.Millisecond), lost, calls)
	figure.Report(c.t, figure.Figure{Row: "R12", Name: "tokens lost by concurrent renewals of one session in two processes", Value: fmt.Sprintf("%d of %d", lost, len(scopes))})
	if lost != 0 || calls != len(scopes) {
		c.t.Errorf("%d tokens lost, %d token calls\n%s%s", lost, calls, c.apps[0].stderr, c.apps[1].stderr)
	}
	c.expire(cookie)
	for instance := range c.apps { // the latest refresh token is there as well
		if status, upn := c.me(instance, cookie); status != http.StatusOK || upn != adele.login {
			c.t.Errorf("process %d afterwards: %d %s\n%s", instance, status, upn, c.apps[instance].stderr)
		}
	}
	if more := c.idp.server.Count(entratest.Token) - calls; more != 1 {
		c.t.Errorf("%d token calls afterwards", more)
	}
}

// missing counts the tokens that are not in a session's record. One that could not be
// stored at once is stored later.
func (c *cluster) missing(cookie string, given map[string]string) (count int) {
	c.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(pollInterval) {
		kept := c.accessTokens(cookie)
		count = 0
		for scope, token := range given {
			if kept[scope] != token {
				count++
			}
		}
		if count == 0 || time.Now().After(deadline) {
			return count
		}
	}
}

// stealLocks removes every lock that it finds, as if its holder had been stopped for too long, until it
// is stopped.
func (c *cluster) stealLocks() (stop func()) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	stolen := make(chan int, 1)
	go func() {
		count, client := 0, c.redis.Client()
		for ctx.Err() == nil {
			locks, _ := client.Keys(ctx, "*:l").Result()
			for _, lock := range locks {
				count += int(client.Del(ctx, lock).Val())
			}
		}
		stolen <- count
	}()
	return func() {
		cancel()
		count := <-stolen
		if c.t.Logf("%d locks stolen", count); count == 0 {
			c.t.Error("no lock stolen")
		}
	}
}

// consent lets a user consent to scopes at the emulator, without the app.
func (c *cluster) consent(login string, scopes []string) {
	c.t.Helper()
	question := url.Values{
		"client_id": {c.idp.clientID}, "redirect_uri": {c.site.url + "/user/authorized"}, "response_type": {"code"},
		"scope": {strings.Join(scopes, " ")},
	}
	if _, err := c.idp.server.SignIn(c.idp.authority+"/oauth2/v2.0/authorize?"+question.Encode(), login); err != nil {
		c.t.Fatal(err)
	}
}

// tokensFor requests a token for each scope from both processes, all at the same time.
func (c *cluster) tokensFor(cookie string, scopes []string) (given map[string]string) {
	given = make(map[string]string)
	var wait sync.WaitGroup
	var mu sync.Mutex
	for i, scope := range scopes {
		wait.Go(func() {
			status, token := c.get(i%2, "/api/token?scope="+url.QueryEscape(scope), "token", cookie)
			if status != http.StatusOK {
				token = fmt.Sprintf("%d %s", status, token)
			}
			mu.Lock()
			defer mu.Unlock()
			given[scope] = token
		})
	}
	wait.Wait()
	return given
}

// accessTokens are those in a session's record, by each of their scopes.
func (c *cluster) accessTokens(cookie string) map[string]string {
	c.t.Helper()
	name, _ := record.SessionID(cookie)
	content, err := c.vault.Get(c.t.Context(), name, record.Tokens)
	if err != nil {
		c.t.Fatal(err)
	}
	var cache struct {
		AccessToken map[string]struct{ Target, Secret string }
	}
	if err := json.Unmarshal(content, &cache); err != nil {
		c.t.Fatal(err)
	}
	kept := make(map[string]string)
	for _, entry := range cache.AccessToken {
		for _, scope := range strings.Fields(entry.Target) {
			kept[scope] = entry.Secret
		}
	}
	return kept
}
