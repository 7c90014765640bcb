package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

const (
	calledURI   = "api://00001111-aaaa-2222-bbbb-3333cccc4444"
	calledScope = calledURI + "/access_as_user"
)

// newCallees is a cluster whose processes clients call with access tokens.
func newCallees(t *testing.T) *cluster {
	t.Helper()
	c := newClusterRunning(t, startWorkbench, patientRedis, []entratest.Option{
		entratest.WithAPI(entratest.API{URI: calledURI, Scopes: []string{"access_as_user"}}),
	}, "--appendonly", "yes", "--appendfsync", "always")
	c.idp.server.GrantAdminConsent("User.Read", "openid", "profile")
	return c
}

// called gets the caller's Graph profile from one of the processes.
func (c *cluster) called(instance int, token string) (status int, upn string) {
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, "http://127.0.0.1:"+c.ports[instance]+"/api/called", http.NoBody)
	if err != nil {
		return 0, err.Error()
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	var me struct{ UserPrincipalName string }
	_ = json.Unmarshal(body, &me)
	return resp.StatusCode, me.UserPrincipalName
}

// calledAtOnce has fifty clients call each process at once and counts the answers by status; one about
// another user counts as 0.
func (c *cluster) calledAtOnce(token, login string) map[int]int {
	var wait sync.WaitGroup
	var mu sync.Mutex
	answers := map[int]int{}
	for range 50 {
		for instance := range c.apps {
			wait.Go(func() {
				status, upn := c.called(instance, token)
				if status == http.StatusOK && upn != login {
					status = 0
				}
				mu.Lock()
				defer mu.Unlock()
				answers[status]++
			})
		}
	}
	wait.Wait()
	return answers
}

// exchanges is how many on-behalf-of calls the emulator has received.
func (c *cluster) exchanges() (calls int) {
	for _, r := range c.idp.server.Requests(entratest.Token) {
		if strings.HasSuffix(r.Form.Get("grant_type"), "jwt-bearer") {
			calls++
		}
	}
	return calls
}

func TestG11_TwoProcessesExchangeAnAssertionOnce(t *testing.T) {
	t.Parallel()
	c := newCallees(t)
	const claims = `{"access_token":{"polids":{"essential":true,"values":["9ab03e19-ed42-4168-b6b7-7001fb3e933a"]}}}`
	oauth := func(name string, number int, suberror, claims string) entratest.Fault {
		return entratest.Fault{OAuth: &entratest.OAuthError{Error: name, Codes: []int{number}, Suberror: suberror, Claims: claims}}
	}
	for _, row := range []struct {
		name   string
		fault  entratest.Fault
		status int
	}{
		{"granted", entratest.Fault{}, 200},
		{"granted, slowly", entratest.Fault{Delay: 3 * time.Second}, 200},
		{"no consent", oauth("invalid_grant", 65001, "consent_required", ""), 403},
		{"another factor", oauth("interaction_required", 50076, "basic_action", claims), 401},
		{"revoked", oauth("invalid_grant", 50173, "bad_token", ""), 401},
		{"throttled", entratest.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"60"}}, Body: "slow down"}, 503},
	} {
		token := c.idp.server.Issue(adele.login, calledScope)
		c.idp.server.ResetRequests()
		c.idp.server.Fault(entratest.Token, row.fault)
		answers := c.calledAtOnce(token, adele.login)
		calls := c.exchanges()
		t.Logf("%s: answers by status: %v, %d token calls", row.name, answers, calls)
		if answers[row.status] != 100 || calls != 1 {
			t.Errorf("%s: answers by status: %v, %d token calls\n%s", row.name, answers, calls, c.apps[0].stderr)
		}
		c.idp.server.ClearFaults()
	}
}

func TestG2_RedisKilledDuringAnExchangeLosesNoCaller(t *testing.T) {
	t.Parallel()
	c := newCallees(t)
	token, later := c.idp.server.Issue(adele.login, calledScope), c.idp.server.Issue(adele.login, calledScope)
	c.idp.server.Fault(entratest.Token, entratest.Fault{Delay: 2 * time.Second, Times: 2})
	time.AfterFunc(time.Second, c.redis.Stop) // while one process holds the lock, and the other waits for it
	expect := func(what, token string, most int) {
		t.Helper()
		c.idp.server.ResetRequests()
		began := time.Now()
		answers := c.calledAtOnce(token, adele.login)
		took, calls := time.Since(began).Round(time.Millisecond), c.exchanges()
		t.Logf("%s: answers by status: %v after %v, %d token calls", what, answers, took, calls)
		if answers[200] != 100 || calls > most {
			t.Errorf("%s: answers by status: %v, %d token calls\n%s", what, answers, calls, c.apps[0].stderr)
		}
	}
	expect("Redis is killed during the call", token, 2)
	c.idp.server.ClearFaults()
	expect("Redis is down", later, 2)
	c.redis.Restart()
	expect("Redis is back", token, 0)
	expect("Redis is back", later, 0)
}
