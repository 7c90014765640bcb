package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// goodbye is another site of the company's, where users of the app end up. It has a link to the app's
// sign-out.
func goodbye(t *testing.T, s site) (address string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!DOCTYPE html><title>Goodbye</title><link rel="icon" href="data:,"><a href="%s">Sign out of the app</a>`, s.at("/user/logout"))
	}))
	if s.cert == nil {
		server.Start()
	} else {
		pair, err := tls.LoadX509KeyPair(s.cert.certFile, s.cert.keyFile) // the one that the browser accepts
		if err != nil {
			t.Fatal(err)
		}
		server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
		server.StartTLS()
	}
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "goodbye.localhost", 1)
}

// A sign-out ends on the site of PostLogoutURL, which the policy of the page with the button must allow:
// Chromium applies form-action to all redirects after a POST.
func TestPostLogout_LeadsToAnotherOrigin(t *testing.T) {
	t.Parallel()
	chromiumPath(t) // before anything is built for it
	for way, scheme := range map[string]string{"form_post": "https", "query": "http"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, scheme)
			elsewhere := goodbye(t, s)
			target := elsewhere + "/goodbye"
			st := newStage(t, s, []entratest.Option{entratest.WithLogoutURI(target)}, "FIBERMSAL_POST_LOGOUT_URL="+target)
			for button, find := range map[string]func(*tab){
				"a form of the app": func(p *tab) { p.open(s.at("/session")) },
				"the library's page": func(p *tab) {
					p.open(elsewhere)
					p.leave(func() { p.click(`//a[contains(., "Sign out")]`) })
					p.awaitText(s.url, "Do you want to sign out?")
					p.inBothColours("question")
				},
			} {
				for _, known := range []bool{true, false} { // to Entra, which otherwise leads on by a redirect
					st.signOutElsewhere(fmt.Sprintf("%s, known to Entra: %v", button, known), target, known, find)
				}
			}
		})
	}
}

func (st *stage) signOutElsewhere(what, target string, known bool, find func(*tab)) {
	st.t.Helper()
	p := st.signIn(st.otherProfile(), grady)
	session := p.cookies(st.site.url)[st.site.cookieName()].Value
	find(p)
	if !known {
		p.forgetEntra(st)
	}
	p.click(signOutButton)
	p.await(fmt.Sprintf(`location.href === %q && document.title === "Goodbye"`, target))
	p.checkSignedIn(st.site, "")
	if cookies := p.cookies(st.site.url); len(cookies) != 0 {
		st.t.Errorf("%s: cookies after signing out: %v", what, cookies)
	}
	if st.isSignedInBy(session) {
		st.t.Errorf("%s: the session is not over", what)
	}
	if n := st.idp.Count(entratest.Logout); n != 1 {
		st.t.Errorf("%s: signed out at Entra %d times", what, n)
	}
}
