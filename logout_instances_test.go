package fibermsal_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// An instance caches opened records, and checks with each request whether the storage still has them. A
// session that ends on one instance has therefore ended on all of them for every request that begins
// afterwards. Threat G25 would allow a delay of one second.
func TestG25_SignOutIsKnownToOtherInstancesAtOnce(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			idp := newRegistration(t, entratest.WithRefreshIn(time.Hour))
			here, there := newSite(t, idp, on(t, r)), newSite(t, idp, on(t, r))
			for end, how := range map[string]func(*browser){
				"a sign-out":             func(b *browser) { b.Send(request(http.MethodPost, "/user/logout", "")) },
				"the end of all":         func(b *browser) { endAllOf(b, adele) },
				"another user's sign-in": func(b *browser) { b.signIn(alex) },
				"another sign-in":        func(b *browser) { b.signIn(adele) },
			} {
				var stale, requests int64
				for range max(1, repeats(50)) {
					s, a := seenThere(t, here, there, how)
					stale, requests = stale+s, requests+a
				}
				t.Logf("after %s: %d of %d requests that began later were served", end, stale, requests)
				figure.Report(t, figure.Figure{Row: "R22", Name: "requests served on another instance after " + end, Value: fmt.Sprintf("%d of %d", stale, requests)})
				if stale != 0 || requests == 0 {
					t.Errorf("after %s: %d of %d requests that began later were served", end, stale, requests)
				}
			}
		})
	}
}

func endAllOf(b *browser, user string) {
	b.t.Helper()
	person, _ := b.idp.User(user)
	ended, err := b.auth.EndSessions(b.t.Context(), fibermsal.SessionFilter{TenantID: b.idp.TenantID, UserID: person.ID})
	if err != nil || ended == 0 {
		b.t.Errorf("%d sessions ended, %v", ended, err)
	}
}

// seenThere ends a session on one instance while many requests are sent to the other, and counts the
// requests that began afterwards and were served.
func seenThere(t *testing.T, here, there *site, end func(*browser)) (stale, requests int64) {
	t.Helper()
	b := here.browser()
	b.signIn(adele)
	cookie := b.session()
	var ended atomic.Bool
	var served, later atomic.Int64
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for i := range 8 {
		path := []string{"/guarded", "/token"}[i%2]
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				after := ended.Load()
				status, body := there.glance(path, cookie)
				if status != http.StatusOK && status != http.StatusUnauthorized {
					t.Errorf("status %d %s", status, body)
				}
				if after {
					later.Add(1)
				}
				if after && status == http.StatusOK {
					served.Add(1)
				}
				if !after && status == http.StatusUnauthorized {
					<-time.After(time.Millisecond)
				}
			}
		})
	}
	<-time.After(30 * time.Millisecond)
	end(b)
	ended.Store(true)
	for until := time.Now().Add(10 * time.Second); later.Load() < 16 && time.Now().Before(until); <-time.After(time.Millisecond) {
	}
	close(stop)
	wait.Wait()
	b.Send(request(http.MethodPost, "/user/logout", ""))
	return served.Load(), later.Load()
}
