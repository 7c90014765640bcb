package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/freeport"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

// cluster is two processes of the app behind one address, on one Redis.
type cluster struct {
	t     *testing.T
	idp   *provider
	redis *redistest.Server
	key   sealingKey
	vault *record.Store // opens the records, as somebody with the key can
	apps  [2]*app
	ports [2]string
	site  site
}

func newCluster(t *testing.T, redisArgs ...string) *cluster {
	t.Helper()
	return newClusterOf(t, nil, redisArgs...)
}

// newClusterOf returns a cluster with the given users, if there are any.
func newClusterOf(t *testing.T, people []entratest.User, redisArgs ...string) *cluster {
	t.Helper()
	var options []entratest.Option
	if people != nil {
		options = append(options, entratest.WithUsers(people...))
	}
	return newClusterRunning(t, startApp, patientRedis, options, redisArgs...)
}

// starter runs an app at a site, as a client of an identity provider.
type starter func(t *testing.T, s site, idp *provider, env ...string) *app

// newClusterRunning returns two processes of any app, with a query for the URL of their Redis.
func newClusterRunning(t *testing.T, start starter, redisQuery string, options []entratest.Option, redisArgs ...string) *cluster {
	t.Helper()
	s := newSite(t, "http")
	c := &cluster{t: t, site: s, redis: redistest.Start(t, redisArgs...), key: newSealingKey()}
	c.idp = emulatorFor(t, s, options...)
	ring, err := sealed.NewRing([][]byte{c.key}, "records")
	if err != nil {
		t.Fatal(err)
	}
	c.vault = record.NewStore(record.NewRedis(c.redis.Client(), nil), ring, c.idp.clientID)
	for i := range c.apps {
		instance := s
		if i > 0 {
			instance.port = freeport.For(t) // the address that browsers know stays the same
		}
		c.ports[i] = instance.port
		c.apps[i] = start(t, instance, c.idp, "FIBERMSAL_REDIS_URL="+c.redis.URL+redisQuery, "FIBERMSAL_KEYS="+c.key.base64())
	}
	return c
}

// signIn signs a user in and returns the session cookie.
func (c *cluster) signIn(login string) string {
	c.t.Helper()
	browser := newClient(c.t, c.site)
	browser.signIn(login)
	return browser.cookie(c.site.cookieName())
}

// me gets the user's Graph profile from one of the processes.
func (c *cluster) me(instance int, cookie string) (status int, upn string) {
	return c.get(instance, "/api/me", "userPrincipalName", cookie)
}

// info gets the signed-in user from one of the processes.
func (c *cluster) info(instance int, cookie string) (status int, upn string) {
	return c.get(instance, "/user/info", "upn", cookie)
}

// get returns a field of a process's answer, or the whole answer if it has no such field.
func (c *cluster) get(instance int, path, field, cookie string) (status int, value string) {
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, "http://127.0.0.1:"+c.ports[instance]+path, http.NoBody)
	if err != nil {
		return 0, err.Error()
	}
	r.Header.Set("Cookie", c.site.cookieName()+"="+cookie)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	var fields map[string]any
	if json.Unmarshal(body, &fields) == nil {
		if value, _ = fields[field].(string); value != "" {
			return resp.StatusCode, value
		}
	}
	return resp.StatusCode, string(body)
}

// expire moves the end of a session's access tokens into the past, because processes and Redis do not
// run in virtual time.
func (c *cluster) expire(cookie string) {
	c.t.Helper()
	store, ctx := c.vault, c.t.Context()
	name, _ := record.SessionID(cookie)
	ciphertext, err := store.Sealed(ctx, name, record.Tokens)
	if err != nil {
		c.t.Fatal(err)
	}
	content, err := store.Open(name, record.Tokens, ciphertext)
	if err != nil {
		c.t.Fatal(err)
	}
	var cache map[string]map[string]map[string]any
	if err := json.Unmarshal(content, &cache); err != nil {
		c.t.Fatal(err)
	}
	for _, entry := range cache["AccessToken"] {
		entry["expires_on"] = strconv.FormatInt(time.Now().Add(-time.Minute).Unix(), 10)
		entry["cached_at"] = strconv.FormatInt(time.Now().Add(-time.Hour).Unix(), 10)
	}
	if content, err = json.Marshal(cache); err != nil {
		c.t.Fatal(err)
	}
	if err := store.Swap(ctx, name, record.Tokens, ciphertext, content, time.Hour); err != nil {
		c.t.Fatal(err)
	}
}

// storm sends fifty simultaneous requests to each process and counts the responses by status. A
// response about another user has the status 0.
func (c *cluster) storm(cookie, login string, instances ...int) map[int]int {
	var wait sync.WaitGroup
	var mu sync.Mutex
	answers := map[int]int{}
	for range 50 {
		for _, instance := range instances {
			wait.Go(func() {
				status, upn := c.me(instance, cookie)
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

func TestG11_TwoProcessesRenewAnExpiredTokenOnce(t *testing.T) {
	t.Parallel()
	for name, delay := range map[string]time.Duration{"fast Entra": 0, "slow Entra": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			cookie := c.signIn(adele.login)
			c.expire(cookie)
			c.idp.server.ResetRequests()
			if delay > 0 {
				c.idp.server.Fault(entratest.Token, entratest.Fault{Delay: delay})
			}
			successes := c.storm(cookie, adele.login, 0, 1)[http.StatusOK]
			calls := c.idp.server.Count(entratest.Token)
			t.Logf("%d of 100 successes, %d token calls", successes, calls)
			figure.Report(t, figure.Figure{Row: "R7", Name: "token calls of 100 requests in two processes, " + name, Value: strconv.Itoa(calls)})
			figure.Report(t, figure.Figure{Row: "R7", Name: "requests that failed", Value: strconv.Itoa(100 - successes)})
			if successes != 100 || calls != 1 {
				t.Errorf("%d of 100 successes, %d token calls\n%s", successes, calls, c.apps[0].stderr)
			}
		})
	}
}

func TestG16_StormsOnWhatCannotBeRenewed(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fault    entratest.Fault
		redis    bool // is down
		status   int
		maxCalls int // one for each process at the most
	}{
		"refused":    {entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_grant", Suberror: "bad_token", Codes: []int{50173}}}, false, http.StatusUnauthorized, 2},
		"throttled":  {entratest.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"30"}}, Body: "slow down"}, false, http.StatusServiceUnavailable, 2},
		"Redis down": {entratest.Fault{}, true, http.StatusServiceUnavailable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, "--appendonly", "yes", "--appendfsync", "always")
			cookie := c.signIn(diego.login)
			c.expire(cookie)
			c.idp.server.ResetRequests()
			if row.redis {
				c.redis.Stop()
			} else {
				c.idp.server.Fault(entratest.Token, row.fault)
			}
			answers := c.storm(cookie, diego.login, 0, 1)
			calls := c.idp.server.Count(entratest.Token)
			t.Logf("answers by status: %v, %d token calls", answers, calls)
			figure.Report(t, figure.Figure{Row: "R9", Name: "token calls of 100 requests in two processes, " + name, Value: strconv.Itoa(calls)})
			if answers[row.status] != 100 || calls > row.maxCalls {
				t.Errorf("answers by status: %v, %d token calls\n%s", answers, calls, c.apps[0].stderr)
			}
		})
	}
}

func TestG12_StoppedHolderOfTheLockHoldsNobodyUpForLong(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	cookie := c.signIn(alex.login)
	c.expire(cookie)
	c.idp.server.ResetRequests()
	c.idp.server.Fault(entratest.Token, entratest.Fault{Times: 1, Delay: 2 * time.Second})
	first := make(chan int, 1)
	go func() {
		status, _ := c.me(0, cookie)
		first <- status
	}()
	for deadline := time.Now().Add(patience); c.idp.server.Count(entratest.Token) == 0; time.Sleep(pollInterval) {
		if time.Now().After(deadline) {
			t.Fatal("nobody renews")
		}
	}
	c.apps[0].signal(syscall.SIGSTOP) // with the lock, in the middle of its call
	before := time.Now()
	successes := c.storm(cookie, alex.login, 1)[http.StatusOK]
	waited := time.Since(before)
	c.apps[0].signal(syscall.SIGCONT)
	if status := <-first; status != http.StatusOK {
		t.Errorf("the one that was stopped: status %d", status)
	}
	calls := c.idp.server.Count(entratest.Token)
	t.Logf("%d of 50 successes after %v, %d token calls", successes, waited.Round(time.Millisecond), calls)
	figure.Report(t, figure.Figure{Row: "R8", Name: "requests that failed while the lock's holder was stopped", Value: strconv.Itoa(50 - successes)})
	figure.Report(t, figure.Figure{Row: "R8", Name: "longest wait for it", Value: waited.Round(time.Millisecond).String()})
	if successes != 50 || calls > 2 || waited > 15*time.Second {
		t.Errorf("%d of 50 successes after %v, %d token calls\n%s", successes, waited, calls, c.apps[1].stderr)
	}
	overwritten := 0
	for instance := range c.apps { // what the late one wrote has not hurt
		if status, upn := c.me(instance, cookie); status != http.StatusOK || upn != alex.login {
			overwritten++
			t.Errorf("process %d afterwards: %d %s", instance, status, upn)
		}
	}
	figure.Report(t, figure.Figure{Row: "R8", Name: "sessions broken by what the late holder wrote", Value: strconv.Itoa(overwritten)})
}

func TestG2_RedisKilledUnderLoadSignsNobodyOut(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "--appendonly", "yes", "--appendfsync", "always")
	sessions := map[string]string{}
	for _, u := range c.idp.server.Users()[:4] {
		sessions[u.UPN] = c.signIn(u.UPN)
	}
	stop := make(chan struct{})
	var wait sync.WaitGroup
	var successes, unavailable, wrong atomic.Int32
	var recovered atomic.Int64
	for upn, cookie := range sessions {
		for instance := range c.apps {
			wait.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					switch status, got := c.me(instance, cookie); {
					case status == http.StatusOK && got == upn:
						successes.Add(1)
						recovered.CompareAndSwap(-1, time.Now().UnixNano())
					case status == http.StatusServiceUnavailable:
						unavailable.Add(1)
					default:
						wrong.Add(1)
						t.Errorf("%d %s", status, got)
					}
				}
			})
		}
	}
	<-time.After(time.Second)
	c.redis.Stop()
	<-time.After(time.Second)
	c.redis.Restart()
	back := time.Now()
	recovered.Store(-1)
	<-time.After(3 * time.Second)
	close(stop)
	wait.Wait()
	recovery := time.Unix(0, recovered.Load()).Sub(back)
	t.Logf("%d answers, %d times 503, %d wrong; first answer %v after Redis was back", successes.Load(), unavailable.Load(), wrong.Load(), recovery.Round(time.Millisecond))
	figure.Report(t, figure.Figure{Row: "R3", Name: "sign-outs and wrong answers while Redis is killed", Value: strconv.Itoa(int(wrong.Load()))})
	figure.Report(t, figure.Figure{Row: "R3", Name: "first answer after Redis is back", Value: recovery.Round(time.Millisecond).String()})
	if unavailable.Load() == 0 || recovered.Load() == -1 || recovery > 2*time.Second {
		t.Errorf("no outage seen, or no recovery: %v", recovery)
	}
	for upn, cookie := range sessions {
		if status, got := c.me(0, cookie); status != http.StatusOK || got != upn {
			t.Errorf("%s: %d %s", upn, status, got)
		}
	}
}

// Two deploys, one instance after the other, as operators do it: the new key is
// appended everywhere, then moved to the front.
func TestE5_KeysRotateUnderLoadWithoutASignOut(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	next := newSealingKey()
	cookie := c.signIn(adele.login)
	var down [2]atomic.Bool
	stop := make(chan struct{})
	var wait sync.WaitGroup
	var successes atomic.Int32
	for instance := range c.apps {
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
				restarting := down[instance].Load()
				status, upn := c.me(instance, cookie)
				switch {
				case status == http.StatusOK && upn == adele.login:
					successes.Add(1)
				case status != 0 || (!restarting && !down[instance].Load()): // a load balancer would not ask it
					t.Errorf("process %d: %d %s", instance, status, upn)
				}
			}
		})
	}
	for _, keys := range []string{c.key.base64() + "," + next.base64(), next.base64() + "," + c.key.base64()} {
		for instance, a := range c.apps {
			down[instance].Store(true)
			a.signal(syscall.SIGTERM)
			a.wait()
			a.env = append(a.env, "FIBERMSAL_KEYS="+keys) // the last one counts
			a.start(t)
			down[instance].Store(false)
			<-time.After(500 * time.Millisecond)              // of load on this mix of rings
			if other := newClient(t, c.site); instance == 0 { // sealed by one, opened by the other
				other.signIn(alex.login)
				if status, upn := c.me(1, other.cookie(c.site.cookieName())); status != http.StatusOK || upn != alex.login {
					t.Errorf("a session of the other instance: %d %s", status, upn)
				}
			}
		}
	}
	close(stop)
	wait.Wait()
	t.Logf("%d answers", successes.Load())
	if successes.Load() < 100 {
		t.Errorf("only %d answers", successes.Load())
	}
}
