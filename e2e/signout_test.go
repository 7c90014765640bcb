package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"

	"github.com/fibermsal/fibermsal/entratest"
)

// evilSite is a page of an attacker that tries to sign the visitor out.
func evilSite(t *testing.T, s site) (address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		out := s.url + "/user/logout"
		_, _ = fmt.Fprintf(w, `<!DOCTYPE html><title>Elsewhere</title><link rel="icon" href="data:,">
			<link rel="stylesheet" href="%[1]s"><link rel="prefetch" href="%[1]s">
			<img src="%[1]s?img"><iframe src="%[1]s?frame"></iframe>
			<iframe name="target"></iframe><form id="hidden" method="post" target="target" action="%[1]s?hidden"></form>
			<script>document.getElementById("hidden").submit()</script>
			<p><a href="%[1]s">Kittens</a><form method="post" action="%[1]s"><button>Win a prize</button></form></p>`, out)
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "elsewhere.localhost", 1)
}

// Another site cannot sign a user out, but only cause the question (threat C4). The question's button
// leads through Entra and back, which the page's policy must allow.
func TestInteraction_SignOutFromAnotherSiteIsAsked(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		evil := evilSite(st.t, st.site)
		p := st.signIn(st.chromium, grady)
		before := p.cookies(st.site.url)[st.site.cookieName()]
		p.expect(`/user/logout|Framing '` + st.site.url + `/' violates .* "frame-ancestors 'none'"`) // what cannot be shown there
		p.open(evil)
		p.await(`document.title === "Elsewhere"`)
		p.checkSignedIn(st.site, grady.login)

		for _, way := range []string{`//a[contains(., "Kittens")]`, `//button[contains(., "Win")]`} {
			p.open(evil)
			p.leave(func() { p.click(way) })
			p.awaitText(st.site.url, "Do you want to sign out?")
			p.checkSignedIn(st.site, grady.login)
		}
		p.open(evil)
		p.leave(func() { p.click(`//a[contains(., "Kittens")]`) })
		p.inBothColours("confirm")
		p.click(`//a[contains(., "Stay signed in")]`)
		p.awaitText(st.site.url, "Good to see you", grady.name)
		p.inBothColours("home")
		if after := p.cookies(st.site.url)[st.site.cookieName()]; after == nil || after.Value != before.Value {
			st.t.Error("the session is another one")
		}
		st.idp.ResetRequests()
		if st.site.cert == nil {
			// Entra has no other app to notify, so it redirects back immediately. Chromium applies the
			// policy to this redirect as well.
			p.forgetEntra(st)
		}
		p.open(evil)
		p.leave(func() { p.click(`//a[contains(., "Kittens")]`) })
		p.click(signOutButton)
		p.awaitAt(st.site, "/")
		p.awaitText(st.site.url, "Sign in with Microsoft")
		p.checkSignedIn(st.site, "")
		if n := st.idp.Count(entratest.Logout); n != 1 {
			st.t.Errorf("signed out at Entra %d times", n)
		}
		p.checkNothingAbout(st.site, grady)
	})
}

// forgetEntra ends the browser's session at Entra, as closing all windows may do.
func (p *tab) forgetEntra(st *stage) {
	p.t.Helper()
	p.do("forgetting Entra", network.DeleteCookies("ESTSAUTH").WithURL(st.idp.BrowserURL))
}

// The button ends the sessions in all browsers, with their next request (threat D12).
func TestInteraction_SignOutEverywhereEndsASecondBrowser(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		phone := st.otherProfile()
		here, there := st.signIn(st.chromium, adele), st.signIn(phone, adele)
		other := st.signIn(st.otherProfile(), alex)
		here.reload()
		var listed int
		if here.eval(`document.querySelectorAll("#visits ~ * tbody tr").length`, &listed); listed != 2 {
			st.t.Errorf("%d sessions are listed", listed)
		}
		here.inBothColours("sessions")
		here.click(`//button[contains(., "Sign out everywhere")]`)
		here.awaitAt(st.site, "/?ended=all")
		here.awaitText(st.site.url, "SIGNED OUT EVERYWHERE", "Sign in with Microsoft")
		here.checkSignedIn(st.site, "")
		there.checkSignedIn(st.site, "")
		other.checkSignedIn(st.site, alex.login)

		there.forgetEntra(st)
		there.goTo("/session")
		there.await(accountsPage)
	})
}

// A user who signs out at Entra, for another app or for all, is signed out here by a frame that sends
// no cookie.
func TestInteraction_SignOutAtEntraEndsTheSessionHere(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		phone := st.otherProfile()
		here, there := st.signIn(st.chromium, grady), st.signIn(phone, grady)
		elsewhere := st.tab()
		elsewhere.open(st.idp.BrowserURL + "/" + st.idp.TenantID + "/oauth2/v2.0/logout")
		elsewhere.await(`document.title === "You signed out of your account"`)
		here.checkSignedIn(st.site, "")
		there.checkSignedIn(st.site, grady.login) // that is another session with Entra
		here.goTo("/session")
		here.await(accountsPage)
		if log := st.app.stderr.String(); !strings.Contains(log, "/user/frontchannel-logout") {
			st.t.Errorf("the frame was not asked for:\n%s", log)
		}
	})
}
