package e2e

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// An app can change to Fiber v3, and back if necessary, without signing users out, because both faces
// read the same records.
func TestUpgrade_SessionsOfFiberV2AreAcceptedByFiberV3AndBack(t *testing.T) {
	t.Parallel()
	t.Run("one after the other", replaceOneByTheOther)
	t.Run("at the same time", runBothAtOnce)
}

// upgrade is an app of which a version follows the other on the same port.
type upgrade struct {
	t   *testing.T
	idp *provider
	app *app
}

// replaceWith ends the app and starts a version of it.
func (u *upgrade) replaceWith(version *program) {
	u.t.Helper()
	u.app.stop()
	u.app.program = version
	u.idp.server.ResetRequests()
	u.app.start(u.t)
}

// checkUser returns an error unless a user is signed in and the user's tokens work without a call to
// Entra.
func (u *upgrade) checkUser(c *client, p person) {
	u.t.Helper()
	if got := c.user(); got != p.login {
		u.t.Errorf("signed in as %q, want %s\n%s", got, p.login, u.app.stderr)
	}
	if me := c.get("/api/me"); me.StatusCode != http.StatusOK || me.json(u.t)["displayName"] != p.name {
		u.t.Errorf("/api/me: %d %s\n%s", me.StatusCode, me.body, u.app.stderr)
	}
	if manager := c.get("/user/manager"); manager.StatusCode != http.StatusOK || manager.json(u.t)["displayName"] != p.manager {
		u.t.Errorf("/user/manager: %d %s", manager.StatusCode, manager.body)
	}
	photo := c.get("/user/photo")
	if kind := http.DetectContentType([]byte(photo.body)); photo.StatusCode != http.StatusOK || kind != "image/jpeg" {
		u.t.Errorf("/user/photo: %d %s", photo.StatusCode, kind)
	}
	for _, r := range u.idp.server.Requests(entratest.Authorize, entratest.Login, entratest.Token) {
		u.t.Errorf("the app asked Entra: %s %s", r.Method, r.URL)
	}
}

func replaceOneByTheOther(t *testing.T) {
	t.Parallel()
	s := newSite(t, "https")
	redis, key := redistest.Start(t), newSealingKey()
	u := &upgrade{t: t, idp: emulatorFor(t, s)}
	u.app = startProgram(t, exampleApp, s, u.idp, "FIBERMSAL_REDIS_URL="+redis.URL+patientRedis, "FIBERMSAL_KEYS="+key.base64())
	older, leaving := newClient(t, s), newClient(t, s)
	older.signIn(adele.login)
	leaving.signIn(alex.login)

	u.replaceWith(exampleAppV3)
	u.checkUser(older, adele)
	u.checkUser(leaving, alex)
	newer := newClient(t, s)
	newer.signIn(diego.login)
	ended := leaving.cookie(s.cookieName())
	leaving.signOut()

	u.replaceWith(exampleApp)
	u.checkUser(older, adele)
	u.checkUser(newer, diego)
	if leaving.setCookie(ended); leaving.user() != "" {
		t.Errorf("signed out on Fiber v3, and signed in as %q on Fiber v2", leaving.user())
	}
	older.signOut()
	u.replaceWith(exampleAppV3)
	if got := older.user(); got != "" {
		t.Errorf("signed out on Fiber v2, and signed in as %q on Fiber v3", got)
	}
}

// signOut sends what the button of the app's pages sends.
func (c *client) signOut() {
	c.t.Helper()
	r := c.request(http.MethodPost, c.site.url+"/user/logout", url.Values{})
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if a := c.do(r); a.StatusCode != http.StatusSeeOther {
		c.t.Errorf("/user/logout: %d %s", a.StatusCode, a.body)
	}
}

// setCookie restores the session cookie, as an attacker who has kept it would.
func (c *client) setCookie(value string) {
	c.t.Helper()
	c.http.Jar.SetCookies(c.page, []*http.Cookie{{Name: c.site.cookieName(), Value: value, Path: "/", Secure: c.site.cert != nil}})
	if got := c.cookie(c.site.cookieName()); got != value || value == "" {
		c.t.Fatalf("the session cookie is %q, want %q", got, value)
	}
}

// newMixedCluster is a process for Fiber v2 and one for Fiber v3 behind one address.
func newMixedCluster(t *testing.T) *cluster {
	t.Helper()
	versions := []*program{exampleApp, exampleAppV3}
	start := func(t *testing.T, s site, idp *provider, env ...string) *app {
		t.Helper()
		version := versions[0]
		versions = versions[1:]
		return startProgram(t, version, s, idp, env...)
	}
	return newClusterRunning(t, start, patientRedis, nil)
}

// browser returns a client of the cluster's address, and a function that chooses the process
// which gets its requests.
func (c *cluster) browser() (browser *client, choose func(instance int)) {
	c.t.Helper()
	target := c.ports[0]
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if _, port, err := net.SplitHostPort(address); err == nil && port == c.site.port {
			address = net.JoinHostPort("127.0.0.1", target)
		}
		return dialLoopback(ctx, network, address)
	}}
	browser = newClient(c.t, c.site)
	browser.http.Transport = transport
	return browser, func(instance int) { target = c.ports[instance] }
}

// While instances are replaced, a user's requests reach both versions.
func runBothAtOnce(t *testing.T) {
	t.Parallel()
	c := newMixedCluster(t)
	names := []string{"Fiber v2", "Fiber v3"}
	for first, name := range names {
		other := 1 - first
		t.Run("signed in on "+name, func(t *testing.T) {
			browser, choose := c.browser()
			choose(first)
			browser.signIn(adele.login)
			c.checkBothAndSignOut(t, browser.cookie(c.site.cookieName()), other)
		})
		t.Run("started on "+name+" and finished on the other", func(t *testing.T) {
			browser, choose := c.browser()
			choose(first)
			callback := browser.approach(adele.login)
			choose(other)
			if a := browser.navigate(callback); a.StatusCode != http.StatusSeeOther {
				t.Fatalf("the callback: %d %s", a.StatusCode, a.body)
			}
			c.checkBothAndSignOut(t, browser.cookie(c.site.cookieName()), first)
		})
	}
}

// checkBothAndSignOut reports an error unless Adele is signed in on both processes, and on
// neither after she has signed out on one.
func (c *cluster) checkBothAndSignOut(t *testing.T, cookie string, leave int) {
	t.Helper()
	for instance := range c.apps {
		if status, upn := c.me(instance, cookie); status != http.StatusOK || upn != adele.login {
			t.Errorf("process %d: %d %s\n%s", instance, status, upn, c.apps[instance].stderr)
		}
	}
	c.expire(cookie)
	for _, instance := range []int{leave, 1 - leave} { // one renews the token, the other reads it
		if status, upn := c.me(instance, cookie); status != http.StatusOK || upn != adele.login {
			t.Errorf("process %d after the token's end: %d %s\n%s", instance, status, upn, c.apps[instance].stderr)
		}
	}
	c.signOut(leave, cookie)
	for instance := range c.apps {
		if status, got := c.me(instance, cookie); status != http.StatusUnauthorized {
			t.Errorf("process %d after the sign-out on process %d: %d %s", instance, leave, status, got)
		}
	}
}
