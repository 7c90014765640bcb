package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
)

const (
	// tokenLife is so short that nearly every request has to wait for a renewal.
	tokenLife = time.Second
	// redisPool is small, so that the load without faults fills it, too.
	redisPool = 8
	// slack is the allowed difference from the state before: a pooled connection with its two
	// goroutines, and resources between two requests. A leak for each request during a fault would be
	// hundreds.
	slack = 5
	// threadSlack is larger, because Go's runtime does not release threads.
	threadSlack = 16
)

// outage is a fault while users use the app.
type outage struct {
	name       string
	begin, end func()
}

// Two processes under load meet one fault after the other. Afterwards they use the same resources as
// before.
func TestG28_NothingIsLeftOfAnyFault(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	t.Parallel()
	c := newClusterRunning(t, startWorkbench, fmt.Sprintf("?pool_size=%d", redisPool),
		[]entratest.Option{entratest.WithAccessTokenLifetime(tokenLife)}, "--appendonly", "yes", "--appendfsync", "always")
	full := c.rested()
	cookies := c.signInAll(3)
	c.under(cookies, outage{begin: func() {}, end: func() {}})
	for i, v := range full { // each connection to Entra and Graph has two goroutines
		full[i] = vitals{v.goroutines + 2*idleConnections, v.descriptors + idleConnections + redisPool, v.threads}
	}
	c.awaitRest(t, full)
	base := c.rested()
	t.Logf("before any request, were the pools full: %v; base: %v", full, base)
	for i := range base {
		// Because of shared round trips, a part of the Redis pool is unused until a fault makes
		// requests wait. File descriptors are therefore the only resource that may remain above the
		// initial number.
		base[i].descriptors = full[i].descriptors
	}
	for _, o := range c.outages(cookies) {
		if !t.Run(o.name, func(t *testing.T) { c.survive(t, o, cookies, base, http.StatusOK) }) {
			return // what is left would be found again and again
		}
	}
	rejected := c.answering(entratest.Token, entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_grant", Suberror: "bad_token", Codes: []int{50173}}})
	refuse := rejected.begin
	rejected.begin = func() { refuse(); c.awaitService(t, cookies[0], http.StatusUnauthorized) }
	// Users whose tokens were renewed shortly before were not refused, so it is not certain which users
	// are served afterwards.
	t.Run("refresh tokens refused", func(t *testing.T) { c.survive(t, rejected, cookies, base, anyStatus) })
	for _, a := range c.apps { // which looks for what Close has left behind
		a.signal(syscall.SIGTERM)
		if status := a.wait(); status != 0 {
			t.Errorf("exit status %d\n%s", status, a.stdout)
		}
	}
}

const anyStatus = 0

// survive begins and ends an outage. It then waits until Graph calls have the given status again,
// unless the status is not certain, and everything else is as before.
func (c *cluster) survive(t *testing.T, o outage, cookies []string, base [2]vitals, status int) {
	t.Helper()
	m := c.under(cookies, o)
	healedAt := time.Now()
	if m.troubled.Load() == 0 {
		t.Errorf("%d answers, and nobody met it", m.fine.Load())
	}
	if status != anyStatus {
		c.awaitService(t, cookies[0], status)
	}
	served := time.Since(healedAt)
	now := c.awaitRest(t, base)
	t.Logf("%d answers, %d of them met it; served after %v, at rest after %v: %v", m.fine.Load()+m.troubled.Load(), m.troubled.Load(),
		served.Round(time.Millisecond), time.Since(healedAt).Round(time.Millisecond), now)
	more, open := 0, 0
	for i, v := range now {
		more, open = max(more, v.goroutines-base[i].goroutines), max(open, v.descriptors-base[i].descriptors)
	}
	figure.Report(t, figure.Figure{Row: "R20", Name: "goroutines beside those of before, after a fault", Value: strconv.Itoa(more)})
	figure.Report(t, figure.Figure{Row: "R20", Name: "file descriptors beside those of before, after a fault", Value: strconv.Itoa(open)})
}

// outages lists the outages that sessions must survive.
func (c *cluster) outages(cookies []string) []outage {
	entra := func(name string, f entratest.Fault) outage {
		return c.answering(entratest.Token, f).named("Entra " + name)
	}
	graph := func(name string, f entratest.Fault) outage {
		return c.answering(entratest.GraphMe, f).named("Graph " + name)
	}
	impatient := graph("", entratest.Fault{Delay: time.Second}).named("clients hanging up")
	slow := impatient.begin
	impatient.begin = func() { slow(); c.hangUp(cookies, 200) }
	return []outage{
		{"Redis killed", c.redis.Stop, c.redis.Restart},
		c.stalledRedis(),
		{"Redis read-only", c.command("REPLICAOF", "127.0.0.1", "1"), c.command("REPLICAOF", "NO", "ONE")},
		entra("down", entratest.Fault{Drop: true}),
		entra("slow", entratest.Fault{Delay: time.Minute}),
		entra("broken", entratest.Fault{Status: http.StatusBadGateway, Body: "<h1>Bad gateway</h1>"}),
		entra("throttling", entratest.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"1"}}, Body: "slow down"}),
		entra("babbling", entratest.Fault{Body: "{"}),
		entra("endless", entratest.Fault{BodyFrom: func() io.Reader { return endless{} }}),
		entra("breaking off", entratest.Fault{Truncate: 100}),
		entra("losing answers", entratest.Fault{LoseAnswer: true}),
		graph("down", entratest.Fault{Drop: true}),
		graph("slow", entratest.Fault{Delay: 3 * time.Second}),
		graph("broken", entratest.Fault{Status: http.StatusInternalServerError, Body: "oops"}),
		graph("breaking off", entratest.Fault{Truncate: 100}),
		graph("unwilling", entratest.Fault{Status: http.StatusUnauthorized, Body: "{}"}),
		impatient,
	}
}

func (o outage) named(name string) outage {
	o.name = name
	return o
}

// answering makes the emulator fail at an endpoint.
func (c *cluster) answering(e entratest.Endpoint, f entratest.Fault) outage {
	return outage{begin: func() { c.idp.server.Fault(e, f) }, end: c.idp.server.ClearFaults}
}

// command returns a function that sends a command to Redis.
func (c *cluster) command(words ...any) func() {
	return func() {
		if err := c.redis.Client().Do(context.Background(), words...).Err(); err != nil {
			c.t.Errorf("%v: %v", words, err)
		}
	}
}

var processID = regexp.MustCompile(`process_id:(\d+)`)

// stalledRedis accepts connections but never replies.
func (c *cluster) stalledRedis() outage {
	var pid int
	return outage{
		"Redis stalled",
		func() {
			info := c.redis.Client().Info(context.Background(), "server").Val()
			if found := processID.FindStringSubmatch(info); found != nil {
				pid, _ = strconv.Atoi(found[1]) // digits
			}
			if pid == 0 || syscall.Kill(pid, syscall.SIGSTOP) != nil {
				c.t.Errorf("Redis does not stop: %s", info)
			}
		},
		func() {
			if pid != 0 {
				_ = syscall.Kill(pid, syscall.SIGCONT) // it is there
			}
		},
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// signInAll returns sessions of all users in the directory.
func (c *cluster) signInAll(times int) (cookies []string) {
	c.t.Helper()
	for range times {
		for _, u := range c.idp.server.Users() {
			browser := newClient(c.t, c.site)
			browser.signIn(u.UPN)
			browser.http.CloseIdleConnections() // which the app would hold, too
			cookies = append(cookies, browser.cookie(c.site.cookieName()))
		}
	}
	return cookies
}

// hangUp drops connections while a request is being handled or received.
func (c *cluster) hangUp(cookies []string, count int) {
	c.t.Helper()
	before := c.idp.server.Count(entratest.GraphMe)
	var conns []net.Conn
	for i := range count {
		conn, err := net.Dial("tcp", "127.0.0.1:"+c.ports[i%2])
		if err != nil {
			c.t.Error(err)
			continue
		}
		conns = append(conns, conn)
		request := "GET /api/me HTTP/1.1\r\nHost: app.localhost\r\nCookie: " + c.site.cookieName() + "=" + cookies[i%len(cookies)] + "\r\n\r\n"
		if i%4 == 3 {
			request = request[:len(request)-2]
		}
		_, _ = io.WriteString(conn, request)
	}
	for deadline := time.Now().Add(patience); c.idp.server.Count(entratest.GraphMe) < before+count/2; time.Sleep(pollInterval) {
		if time.Now().After(deadline) {
			c.t.Error("the requests do not arrive at Graph")
			break
		}
	}
	for i, conn := range conns {
		if tcp, ok := conn.(*net.TCPConn); ok && i%2 == 0 {
			_ = tcp.SetLinger(0) // a reset
		}
		_ = conn.Close()
	}
}

// met counts the normal responses and the others.
type met struct{ fine, troubled atomic.Int64 }

// under lets many clients send all kinds of requests to both processes during an outage.
func (c *cluster) under(cookies []string, o outage) *met {
	const clients = 32
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	client := &http.Client{Transport: transport, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	var m met
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for range clients {
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					c.bother(client, cookies[rand.IntN(len(cookies))], &m)
				}
			}
		})
	}
	o.begin()
	<-time.After(time.Duration(repeats(20)) * time.Second)
	o.end()
	close(stop)
	wait.Wait()
	transport.CloseIdleConnections()
	return &m
}

// bother sends a request, and counts whether the response is a normal one.
func (c *cluster) bother(client *http.Client, cookie string, m *met) {
	path, want := "/api/me", http.StatusOK
	switch rand.IntN(8) {
	case 0:
		path = "/user/info"
	case 1:
		path = "/user/photo"
	case 2:
		path, want = "/user/login", http.StatusSeeOther
	}
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, "http://127.0.0.1:"+c.ports[rand.IntN(2)]+path, http.NoBody)
	if err != nil {
		c.t.Error(err)
		return
	}
	r.Header.Set("Cookie", c.site.cookieName()+"="+cookie)
	sent := time.Now()
	resp, err := client.Do(r)
	if err != nil {
		c.t.Errorf("%s: %v", path, err)
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode == want && time.Since(sent) < 500*time.Millisecond {
		m.fine.Add(1)
	} else {
		m.troubled.Add(1)
	}
}

// awaitService waits until both processes know the user and Graph calls have a status.
func (c *cluster) awaitService(t *testing.T, cookie string, want int) {
	t.Helper()
	for instance := range c.apps {
		for deadline := time.Now().Add(patience); ; time.Sleep(pollInterval) {
			info, name := c.info(instance, cookie)
			me, answer := c.me(instance, cookie)
			if info == http.StatusOK && me == want {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("process %d afterwards: %d %s, %d %s", instance, info, name, me, answer)
				break
			}
		}
	}
}

// vitals are the resources of a process.
type vitals struct{ goroutines, descriptors, threads int }

func (v vitals) exceeds(base vitals) bool {
	return v.goroutines > base.goroutines+slack || v.descriptors > base.descriptors+slack || v.threads > base.threads+threadSlack
}

// vitals examines a process. Stacks are of all its goroutines.
func (c *cluster) vitals(instance int) (v vitals, stacks string) {
	proc := fmt.Sprintf("/proc/%d/", c.apps[instance].cmd.Process.Pid)
	descriptors, _ := filepath.Glob(proc + "fd/*")
	v.descriptors = len(descriptors)
	tasks, _ := filepath.Glob(proc + "task/*")
	v.threads = len(tasks)
	_, stacks = c.get(instance, "/debug/goroutines", "", "")
	_, _ = fmt.Sscanf(stacks, "goroutine profile: total %d", &v.goroutines)
	return v, stacks
}

// rested returns what each process holds when that does not change any more.
func (c *cluster) rested() (base [2]vitals) {
	c.t.Helper()
	deadline := time.Now().Add(patience)
	for instance := range c.apps {
		for same := 0; same < 50; time.Sleep(pollInterval) {
			v, stacks := c.vitals(instance)
			if v == base[instance] && v.goroutines > 0 {
				same++
				continue
			}
			base[instance], same = v, 0
			if time.Now().After(deadline) {
				c.t.Fatalf("process %d does not come to rest: %v\n%s", instance, v, stacks)
			}
		}
	}
	return base
}

// awaitRest waits until each process holds no more than before.
func (c *cluster) awaitRest(t *testing.T, base [2]vitals) (now [2]vitals) {
	t.Helper()
	for instance := range c.apps {
		for deadline := time.Now().Add(patience); ; time.Sleep(pollInterval) {
			v, stacks := c.vitals(instance)
			if now[instance] = v; v.goroutines > 0 && !v.exceeds(base[instance]) {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("process %d: %v, was %v\n%s", instance, v, base[instance], stacks)
				break
			}
		}
	}
	return now
}
