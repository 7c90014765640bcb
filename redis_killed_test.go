package fibermsal_test

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// A sign-in that Redis has confirmed survives the kill of Redis, which writes before it replies. A
// sign-in that was interrupted responds with 503, leaves no data, and can be repeated.
func TestG2_SignInsInFlightWhenRedisIsKilled(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t, onDisk...), newRegistration(t)
	sites := []*site{newSite(t, idp, inHaste(t, server)), newSite(t, idp, inHaste(t, server))}
	people := idp.Users()[:4]
	before := sites[0].browser()
	before.awaitSignIn(adele)
	for range max(1, repeats(30)) {
		var mu sync.Mutex
		var done, caught []*browser
		var acknowledged atomic.Int32
		var killed atomic.Bool
		stop := make(chan struct{})
		var wait sync.WaitGroup
		for i := range 16 {
			wait.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					b := sites[i%2].browser()
					response := b.approve(b.start(""), people[i%4].UPN)
					a := b.Send(response.Request())
					mu.Lock()
					switch {
					case a.StatusCode == http.StatusSeeOther && b.session() != "":
						done = append(done, b)
						acknowledged.Add(1)
					case a.StatusCode == http.StatusServiceUnavailable && b.session() == "":
						caught = append(caught, b)
					default:
						t.Errorf("sign-in: status %d, session %q\n%s", a.StatusCode, b.session(), a.Text)
					}
					full := len(done) > 200 // of a user, only a hundred sessions last
					mu.Unlock()
					if full || killed.Load() && a.StatusCode != http.StatusSeeOther {
						return
					}
				}
			})
		}
		for until := time.Now().Add(20 * time.Second); acknowledged.Load() < 30 && time.Now().Before(until); <-time.After(time.Millisecond) {
		}
		killed.Store(true)
		server.Stop()
		<-time.After(100 * time.Millisecond)
		close(stop)
		wait.Wait()
		server.Restart()
		before.awaitStorage()
		if before.user() != adele {
			t.Fatal("who was signed in before is signed out")
		}
		lost := 0
		for _, b := range done {
			b.awaitStorage() // which meets nothing worse than a 503, above all no 401
			if status, _ := b.glance("/guarded", b.session()); status == http.StatusUnauthorized {
				lost++
			}
		}
		for _, b := range caught {
			b.awaitSignIn(alex)
			if b.user() != alex {
				t.Error("a repeated sign-in does not last")
			}
		}
		t.Logf("%d acknowledged, %d caught", len(done), len(caught))
		figure.Report(t, figure.Figure{Row: "R3", Name: "acknowledged sign-ins lost by a kill of Redis", Value: strconv.Itoa(lost)})
		figure.Report(t, figure.Figure{Row: "R3", Name: "sign-ins acknowledged before a kill", Value: strconv.Itoa(len(done))})
		if lost != 0 {
			t.Errorf("%d acknowledged sign-ins are lost", lost)
		}
		if len(done) == 0 || len(caught) == 0 {
			t.Errorf("the kill came too early or too late: %d acknowledged, %d caught", len(done), len(caught))
		}
		for _, b := range append(done, caught...) {
			if a := b.Send(request(http.MethodPost, "/user/logout", "")); a.StatusCode != http.StatusSeeOther {
				t.Errorf("sign-out: status %d", a.StatusCode)
			}
		}
		if left := recordsOfSessions(t, keysOf(idp, server.Keys())); len(left) > 1+len(caught) {
			t.Errorf("%d sessions are left, of which nobody has the cookie", len(left))
		}
	}
}

func TestRedis_DownIsA503UntilItIsBack(t *testing.T) {
	for name, start := range redistest.EachAlone(t, onDisk...) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			b := newSite(t, newRegistration(t), inHaste(t, r)).browser()
			b.signIn(adele)
			r.Stop()
			for _, path := range []string{"/guarded", "/user/info", "/token"} {
				if !isUnavailable(b.Get(path)) {
					t.Errorf("%s is served without Redis", path)
				}
			}
			r.Restart()
			b.awaitStorage()
			if b.user() != adele || b.Get("/token").Text != adele {
				t.Error("the user is gone after the outage")
			}
		})
	}
}

// Many requests that share round trips are sent at the moment at which Redis is killed.
func TestG2_ACrowdIsNotSignedOutWhenRedisIsKilled(t *testing.T) {
	for name, start := range redistest.EachAlone(t, onDisk...) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			b := newSite(t, newRegistration(t), inHaste(t, r)).browser()
			b.signIn(adele)
			if replicated, ok := r.(interface{ Replicated() }); ok {
				replicated.Replicated() // the replica will be promoted, and must not lack the sign-in
			}
			var wait sync.WaitGroup
			for range 100 {
				wait.Go(func() { b.requestTokens(time.Second) })
			}
			<-time.After(300 * time.Millisecond)
			r.Stop()
			wait.Wait()
			r.Restart()
			b.awaitStorage()
			if b.user() != adele {
				t.Error("the user is gone after the outage")
			}
		})
	}
}

func TestRedis_AppStartsWhileRedisIsDown(t *testing.T) {
	for name, start := range redistest.EachAlone(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			r.Stop()
			s := newSite(t, newRegistration(t), inHaste(t, r))
			if a := s.browser().Get("/"); a.StatusCode != http.StatusOK {
				t.Errorf("a public page: status %d", a.StatusCode)
			}
			r.Restart()
			s.browser().signIn(adele)
		})
	}
}
