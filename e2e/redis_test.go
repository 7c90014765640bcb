package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// sealingKey is one of FIBERMSAL_KEYS.
type sealingKey []byte

func newSealingKey() sealingKey {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key
}

func (k sealingKey) base64() string { return base64.StdEncoding.EncodeToString(k) }

func TestRestart_LeavesUsersSignedIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, "https")
	idp, redis := emulatorFor(t, s), redistest.Start(t)
	a := startApp(t, s, idp, "FIBERMSAL_REDIS_URL="+redis.URL+patientRedis, "FIBERMSAL_KEYS="+newSealingKey().base64())
	c := newClient(t, s)
	c.signIn(adele.login)
	if got := c.user(); got != adele.login {
		t.Fatalf("signed in as %q", got)
	}
	person, _ := idp.server.User(adele.login)
	for _, end := range []struct {
		name   string
		signal syscall.Signal
		status int
	}{
		{"kill -TERM", syscall.SIGTERM, 0},
		{"kill -9", syscall.SIGKILL, -1},
	} {
		var answered <-chan string
		if end.signal == syscall.SIGTERM {
			answered = askSlowly(c, idp.server)
		}
		a.signal(end.signal)
		if status := a.wait(); status != end.status {
			t.Errorf("%s: exit status %d, want %d\n%s", end.name, status, end.status, a.stderr)
		}
		if answered != nil {
			if got := <-answered; got != "200 OK" {
				t.Errorf("the request in flight at %s: %s", end.name, got)
			}
		}
		idp.server.ResetRequests()
		a.start(t)

		if got := c.user(); got != adele.login {
			t.Errorf("after %s: signed in as %q\n%s", end.name, got, a.stderr)
		}
		me := c.get("/api/me")
		if me.StatusCode != http.StatusOK || me.json(t)["id"] != person.ID {
			t.Errorf("after %s: /api/me: %d %s\n%s", end.name, me.StatusCode, me.body, a.stderr)
		}
		// The token was in Redis, so Entra was not called.
		calls := idp.server.Requests(entratest.Authorize, entratest.Login, entratest.Token, entratest.Keys,
			entratest.Discovery, entratest.InstanceDiscovery)
		for _, r := range calls {
			t.Errorf("after %s the app asked Entra: %s %s", end.name, r.Method, r.URL)
		}
	}
}

// askSlowly sends a request that takes some time. It returns when the app handles the request, and
// later sends the result.
func askSlowly(c *client, idp *entratest.Server) <-chan string {
	c.t.Helper()
	before := idp.Count(entratest.GraphMe)
	idp.Fault(entratest.GraphMe, entratest.Fault{Times: 1, Delay: time.Second})
	r, answered := c.request(http.MethodGet, "/api/me", nil), make(chan string, 1)
	go func() {
		resp, err := c.http.Do(r)
		if err != nil {
			answered <- err.Error()
			return
		}
		_ = resp.Body.Close()
		answered <- resp.Status
	}()
	for deadline := time.Now().Add(patience); idp.Count(entratest.GraphMe) == before; time.Sleep(pollInterval) {
		if time.Now().After(deadline) {
			c.t.Fatal("the app does not ask Graph")
		}
	}
	return answered
}
