package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/figure"
)

// soaking reports whether this is `make soak`.
func soaking() bool { return os.Getenv("FIBERMSAL_SOAK") != "" }

// repeats is a tenth of what `make soak` does.
func repeats(full int) int {
	if soaking() {
		return full
	}
	return full / 10
}

// A process that is killed in the middle of a sign-in, a renewal or a sign-out leaves
// each session as it was before or as it would have been after.
func TestG20_KilledAtAnyPointLeavesSessionsOldOrNew(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "--appendonly", "yes", "--appendfsync", "always")
	a := c.apps[0]
	signedIn, gone, broken := 0, 0, 0
	for range repeats(200) {
		cookie := c.signIn(adele.login)
		c.expire(cookie)
		newcomer := newClient(t, c.site)
		callback := newcomer.approach(alex.login)
		var wait sync.WaitGroup
		wait.Go(func() { c.me(0, cookie) })            // renews
		wait.Go(func() { newcomer.attempt(callback) }) // signs in
		leaving := rand.IntN(2) == 0
		if leaving {
			wait.Go(func() { c.signOut(0, cookie) })
		}
		<-time.After(rand.N(120 * time.Millisecond))
		a.signal(syscall.SIGKILL)
		a.wait()
		wait.Wait()
		a.start(t)

		for who, value := range map[string]string{adele.login: cookie, alex.login: newcomer.cookie(c.site.cookieName())} {
			switch status, upn := c.me(0, value); {
			case status == http.StatusOK && upn == who:
				signedIn++
			case status == http.StatusUnauthorized && (who != adele.login || leaving):
				gone++
			default:
				broken++
				t.Errorf("%s: %d %s", who, status, upn)
			}
			if status, upn := c.me(1, value); status != http.StatusOK && status != http.StatusUnauthorized {
				t.Errorf("%s on the other instance: %d %s", who, status, upn)
			}
		}
	}
	t.Logf("%d sessions whole, %d gone or never begun, %d broken", signedIn, gone, broken)
	figure.Report(t, figure.Figure{Row: "R16", Name: "sessions broken by kill -9 at any point, on Redis", Value: fmt.Sprintf("%d of %d", broken, signedIn+gone+broken)})
	if signedIn == 0 || gone == 0 {
		t.Errorf("not all cases were met: %d whole, %d gone", signedIn, gone)
	}
	c.redis.Dump() // every record has an end
}

// approach completes the emulator's pages and returns the target of its response, which is not
// followed.
func (c *client) approach(login string) (callback string) {
	c.t.Helper()
	a := c.navigate(c.site.url + "/user/login")
	for range 10 {
		switch page := a.Header.Get("X-Entratest-Page"); {
		case strings.HasPrefix(a.location(), c.site.url+"/user/authorized"):
			return a.location()
		case a.location() != "":
			a = c.navigate(a.location())
		case page == "accounts":
			a = c.submit(a, "user", login)
		case page == "consent":
			a = c.submit(a, "action", "accept")
		}
	}
	c.t.Fatalf("the emulator has no answer: %d %s", a.StatusCode, a.body)
	return ""
}

// attempt opens a page of an app that may be killed in the meantime.
func (c *client) attempt(address string) {
	if resp, err := c.http.Get(address); err == nil {
		_ = resp.Body.Close()
	}
}

// signOut sends a request to a process that may be killed in the meantime.
func (c *cluster) signOut(instance int, cookie string) {
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, "http://127.0.0.1:"+c.ports[instance]+"/user/logout", http.NoBody)
	if err != nil {
		return
	}
	r.Header.Set("Cookie", c.site.cookieName()+"="+cookie)
	if resp, err := http.DefaultTransport.RoundTrip(r); err == nil {
		_ = resp.Body.Close()
	}
}
