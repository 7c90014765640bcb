package fibermsal_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

// What happens to sessions in a Redis that is full depends on its policy. With noeviction
// no sign-in that was acknowledged is lost; the others throw away what they please, which
// is why docs/production.md advises against them, and then users are signed out and
// nothing worse.
func TestG5_PoliciesOfAFullRedis(t *testing.T) {
	t.Parallel()
	for policy, keeps := range map[string]bool{"noeviction": true, "volatile-lru": false, "allkeys-lru": false} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, "--maxmemory-policy", policy)
			s := newSite(t, newApp(t), on(t, server), discardLog)
			people := s.idp.Users()
			warm := s.browser()
			warm.signIn(adele)
			room := int64(repeats(3 << 20)) // for a part of the sessions
			configure(t, server, "maxmemory", strconv.FormatInt(usedMemory(t, server)+room, 10))
			var acknowledged []*browser
			refused := 0
			for i := range repeats(1000) {
				b := s.browser()
				// Of one user only a hundred sessions last, which is not what this is about.
				user := people[i/90%len(people)].UPN
				a := b.do(b.approve(b.start(""), user).Request())
				switch {
				case a.StatusCode == http.StatusSeeOther && b.session() != "":
					acknowledged = append(acknowledged, b)
				case a.StatusCode == http.StatusServiceUnavailable && b.session() == "":
					refused++
				default:
					t.Errorf("sign-in: status %d, session %q\n%s", a.StatusCode, b.session(), a.body)
				}
			}
			lost := 0
			for _, b := range acknowledged {
				status, body := b.glance("/guarded", b.session())
				switch {
				case status == http.StatusOK && strings.HasPrefix(body, "hello "):
				case status == http.StatusUnauthorized:
					lost++
				default:
					t.Errorf("status %d %s", status, body)
				}
				if status, body := b.glance("/token", b.session()); status >= 500 {
					t.Errorf("token: status %d %s", status, body)
				}
			}
			t.Logf("%d acknowledged, %d refused, %d acknowledged and lost", len(acknowledged), refused, lost)
			if keeps && (lost != 0 || refused == 0) {
				t.Errorf("%d acknowledged and lost, %d refused", lost, refused)
			}
			if !keeps && lost == 0 {
				t.Error("nothing was evicted: the test proves nothing")
			}
			for _, b := range acknowledged[:min(5, len(acknowledged))] { // while it is full
				cookie := b.session()
				if a := b.do(request(http.MethodPost, "/user/logout", "")); a.StatusCode != http.StatusSeeOther {
					t.Errorf("sign-out: status %d %s", a.StatusCode, a.body)
				}
				if status, _ := b.glance("/guarded", cookie); status != http.StatusUnauthorized {
					t.Errorf("after the sign-out: status %d", status)
				}
			}
		})
	}
}

func usedMemory(t *testing.T, server *redistest.Server) (used int64) {
	t.Helper()
	info := server.Client().InfoMap(t.Context(), "memory")
	if _, err := fmt.Sscan(info.Item("Memory", "used_memory"), &used); err != nil {
		t.Fatal(err)
	}
	return used
}

// A Redis that is silent holds nobody for longer than an operation may take, and leaves
// no goroutine behind. It does not run beside other tests, whose goroutines would count.
func TestG3_SilentRedisHoldsNobodyAndLeavesNothing(t *testing.T) {
	bound := 600 * time.Millisecond
	if withRaceDetector() { // which makes of 500 refusals at once seconds of work
		bound = 3 * time.Second
	}
	d := behindNetwork(t, redistest.Start(t), newApp(t), "")
	b := d.browser()
	b.awaitSignIn(adele)
	for range 50 {
		d.glance("/guarded", b.session())
	}
	for range 3 { // the machine may become busy in between
		base := goroutines()
		d.proxy.BlackHole()
		waits := b.crowd()
		over := time.Now()
		for goroutines() > base+5 && time.Since(over) < 10*time.Second {
			<-time.After(10 * time.Millisecond)
		}
		took := time.Since(over)
		t.Logf("500 at once: p50 %v, p99 %v, max %v; goroutines %d, now %d, after %v",
			waits[250], waits[494], waits[499], base, goroutines(), took.Round(time.Millisecond))
		if err := d.proxy.Resume(); err != nil {
			t.Fatal(err)
		}
		b.awaitStorage()
		if waits[494] <= bound && took <= 2*time.Second {
			return
		}
	}
	t.Error("they waited for more than one operation, or goroutines stay")
}

// crowd has 500 ask at once, who are not served, and returns how long each waited, the
// shortest first.
func (b *browser) crowd() []time.Duration {
	b.t.Helper()
	waits := make([]time.Duration, 500)
	var wait sync.WaitGroup
	for i := range waits {
		wait.Go(func() {
			began := time.Now()
			status, body := b.glance("/guarded", b.session())
			waits[i] = time.Since(began)
			if status != http.StatusServiceUnavailable {
				b.t.Errorf("status %d %s", status, body)
			}
		})
	}
	wait.Wait()
	slices.Sort(waits)
	return waits
}

// goroutines counts those that are not the proxy's.
func goroutines() int {
	stacks := make([]byte, 8<<20)
	n := 0
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if !strings.Contains(stack, "internal/faultproxy.") {
			n++
		}
	}
	return n
}

// Errors that pass are a 503 that leaves the cookie, and nothing once they are over.
func TestG4_PassingErrorsOfRedis(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		args  []string
		begin func(*testing.T, *redistest.Server) (end func())
	}{
		"READONLY": {nil, func(t *testing.T, s *redistest.Server) func() {
			t.Helper()
			do(t, s, "REPLICAOF", "127.0.0.1", "1") // where nobody listens
			return func() { do(t, s, "REPLICAOF", "NO", "ONE") }
		}},
		"MASTERDOWN": {[]string{"--replica-serve-stale-data", "no"}, func(t *testing.T, s *redistest.Server) func() {
			t.Helper()
			do(t, s, "REPLICAOF", "127.0.0.1", "1")
			return func() { do(t, s, "REPLICAOF", "NO", "ONE") }
		}},
		"LOADING": {[]string{"--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024", "--rdbcompression", "no"}, loading},
		"no more clients": {nil, func(t *testing.T, s *redistest.Server) func() {
			t.Helper()
			do(t, s, "CONFIG", "SET", "maxclients", "5")
			do(t, s, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
			return func() { do(t, s, "CONFIG", "SET", "maxclients", "1000") }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, row.args...)
			idp := newApp(t)
			sites := []*site{newSite(t, idp, inHaste(t, server)), newSite(t, idp, inHaste(t, server))}
			browsers := make([]*browser, 20)
			for i := range browsers {
				browsers[i] = sites[i%2].browser()
				browsers[i].awaitSignIn(adele)
			}
			newcomer := sites[0].browser()
			end := row.begin(t, server)
			var wait sync.WaitGroup
			served, refused := make([]int, len(browsers)), make([]int, len(browsers))
			for i, b := range browsers {
				wait.Go(func() { served[i], refused[i] = b.ask(2 * time.Second) })
			}
			wait.Go(func() {
				for range 5 {
					a := newcomer.do(newcomer.approve(newcomer.start(""), alex).Request())
					if a.StatusCode != http.StatusServiceUnavailable && a.StatusCode != http.StatusSeeOther {
						t.Errorf("sign-in: status %d %s", a.StatusCode, a.body)
					}
				}
			})
			wait.Wait()
			end()
			over := time.Now()
			for _, b := range browsers {
				b.awaitStorage()
			}
			took := time.Since(over)
			t.Logf("served %d, refused %d; back after %v", served, refused, took.Round(time.Millisecond))
			if took > 2*time.Second { // milliseconds, on a machine that is not busy with other tests
				t.Errorf("back only after %v", took)
			}
			for _, b := range browsers {
				if b.user() != adele || b.get("/token").body != adele {
					t.Error("somebody is signed out")
				}
			}
			newcomer.awaitSignIn(alex)
		})
	}
}

// loading has Redis read its data for some seconds.
func loading(t *testing.T, s *redistest.Server) (end func()) {
	t.Helper()
	for i := range 300 {
		do(t, s, "SET", fmt.Sprint("ballast", i), strings.Repeat("x", 2000), "PX", 600_000)
	}
	do(t, s, "CONFIG", "SET", "key-load-delay", "10000") // microseconds for each key
	// Whoever asks for it a second time has it done twice.
	patient := redis.NewClient(&redis.Options{Addr: s.Addr, ReadTimeout: time.Minute, MaxRetries: -1})
	t.Cleanup(func() { _ = patient.Close() })
	done := make(chan error, 1)
	go func() { done <- patient.Do(context.Background(), "DEBUG", "RELOAD").Err() }()
	for until := time.Now().Add(10 * time.Second); ; <-time.After(5 * time.Millisecond) {
		err := s.Client().Get(t.Context(), "ballast0").Err()
		if err != nil && strings.HasPrefix(err.Error(), "LOADING ") {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("it does not load: %v", err)
		}
	}
	return func() {
		if err := <-done; err != nil {
			t.Errorf("reloading: %v", err)
		}
	}
}
