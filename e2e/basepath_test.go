package e2e

import (
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/freeport"
)

// basePath is that of docs/production.md.
const basePath = "/myapp"

// proxied is a stage on which nginx is in front of the app.
type proxied struct {
	*stage
	nginx *nginx
}

// behindNginx runs a scenario behind proxies that strip the base path, or keep it, in both ways in which
// Entra's answers come.
func behindNginx(t *testing.T, forms []string, scenario func(*proxied)) {
	t.Helper()
	chromiumPath(t) // before anything is built for it
	nginxPath(t)
	strips, keeps := documentedLocations(t)
	for _, form := range forms {
		location, env := strips, []string{"FIBERMSAL_BASE_PATH=" + basePath}
		switch form {
		case "keeps":
			location, env = keeps, append(env, "FIBERMSAL_ROUTE_PREFIX="+basePath+"/user")
		case "changes Host":
			location = strings.Replace(strips, "proxy_set_header Host $http_host;", "", 1)
		}
		for way, scheme := range map[string]string{"form_post": "https", "query": "http"} {
			t.Run(form+" "+way, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, scheme)
				s.base = basePath
				idp := emulatorFor(t, s, entratest.WithFrontChannelLogout(s.at("/user/frontchannel-logout")))
				inside := site{url: s.url, base: s.base, port: freeport.For(t)} // TLS ends at the proxy
				a := startApp(t, inside, idp, env...)
				n := startNginx(t, s, location, inside.port)
				scenario(&proxied{&stage{site: s, idp: idp.server, app: a, chromium: newChromium(t, s)}, n})
				n.checkRequests(basePath)
			})
		}
	}
}

// All that people do with the app leads to URLs below the base path.
func TestBasePath_BehindNginx(t *testing.T) {
	t.Parallel()
	behindNginx(t, []string{"strips", "keeps"}, func(st *proxied) {
		p := st.tab()
		p.open(st.site.at("/session?x=1#here"))
		p.click(accountButton(adele))
		p.click(acceptButton)
		p.awaitAt(st.site, "/session?x=1")
		p.awaitText(st.site.url, adele.name)
		p.click(`//nav//a[contains(., "Profile")]`)
		p.awaitProfile(st.site, adele)
		p.screenshot("profile")
		p.checkCookies(st.site)
		p.reload()
		p.awaitProfile(st.site, adele)
		p.click(`//nav//a[contains(., "Graph")]`)
		p.awaitAt(st.site, "/graph")
		p.click(`//a[contains(@class, "brand")]`)
		p.awaitAt(st.site, "/")
		p.awaitText(st.site.url, "Good to see you")
		p.click(`//main//a[contains(., "Above you")]`)
		p.click(acceptButton)
		p.awaitAt(st.site, "/org")
		p.awaitText(st.site.url, adele.manager)

		p.click(`//button[contains(., "Switch account")]`)
		p.await(accountsPage)
		p.click(accountButton(alex))
		p.click(acceptButton)
		p.await(`document.body.innerText.includes("Read all users")`) // which the page requires of everybody
		p.click(acceptButton)
		p.awaitAt(st.site, "/org")
		p.awaitText(st.site.url, alex.name)
		p.checkSignedIn(st.site, alex.login)

		p.leave(func() { p.click(signOutButton) })
		p.await(`document.title === "You signed out of your account" || location.pathname === "` + basePath + `/"`)
		p.awaitAt(st.site, "/")
		p.awaitText(st.site.url, "Sign in with Microsoft")
		p.screenshot("signed-out")
		p.checkSignedIn(st.site, "")
	})
}

// Without a directive, nginx has its upstream's address in Host. Cookies are set under PublicURL all the same.
func TestBasePath_NginxMayChangeHost(t *testing.T) {
	t.Parallel()
	behindNginx(t, []string{"changes Host"}, func(st *proxied) {
		p := st.tab()
		p.open(st.site.at(""))
		p.click(signInLink)
		p.click(accountButton(adele))
		p.click(acceptButton)
		p.awaitProfile(st.site, adele)
		p.checkCookies(st.site)
		p.leave(func() { p.click(signOutButton) })
		p.awaitAt(st.site, "/")
		p.checkSignedIn(st.site, "")
	})
}

// longPath is that of a page with filters, or one that no compression shortens.
func longPath(i int) string {
	path := fmt.Sprintf("/session?tab=%d&", i)
	if i%2 == 0 {
		return path + strings.Repeat("filter=(name,%27a%2Fb%27)&", 130)
	}
	for size := 2000; len(path) < size; {
		sum := sha512.Sum512([]byte(path))
		path += base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return path
}

// Nginx has its default buffers, and refuses requests and responses that are too large for them.
func TestBasePath_LongPathsOfTwentyTabsFitTheBuffersOfNginx(t *testing.T) {
	t.Parallel()
	behindNginx(t, []string{"strips"}, func(st *proxied) {
		tabs := map[string]*tab{}
		for i := range 20 {
			p := st.tab()
			p.open(st.site.at(longPath(i)))
			p.await(accountsPage)
			tabs[longPath(i)] = p
		}
		consented, returned := false, 0
		for path, p := range tabs {
			p.click(accountButton(adele))
			if !consented {
				p.click(acceptButton)
				consented = true
			}
			p.await(fmt.Sprintf(`location.href === %q || location.href === %q`, st.site.at(path), st.site.at("/"))) // of newer tabs, or home
			p.awaitText(st.site.url, adele.name)
			var at string
			if p.eval(`location.href`, &at); at == st.site.at(path) {
				returned++
			}
		}
		if returned < 3 {
			st.t.Errorf("%d tabs returned to their pages", returned)
		}
		p := st.tab()
		p.open(st.site.at("/session"))
		p.leave(func() { p.click(signOutButton) })
		p.awaitAt(st.site, "/")
		p.checkSignedIn(st.site, "")
	})
}
