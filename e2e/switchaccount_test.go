package e2e

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

const switchButton = `//button[contains(., "Switch account")]`

// Users who switch to another account see the same page with it, and the session of the first is over.
func TestSwitchAccount_SignsInAnotherUserOnTheSamePage(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		p := st.signIn(st.chromium, adele)
		other := st.tab()
		other.open(st.site.at("/profile"))
		other.awaitProfile(st.site, adele)
		p.open(st.site.at("/session?x=1"))
		p.awaitText(st.site.url, adele.name)
		first := p.cookies(st.site.url)[st.site.cookieName()].Value

		p.click(switchButton)
		p.await(accountsPage)
		p.inBothColours("accounts")
		if prompt := st.idp.Requests(entratest.Authorize)[0].Form.Get("prompt"); prompt != "select_account" {
			st.t.Errorf("prompt %q", prompt)
		}
		p.checkSignedIn(st.site, adele.login) // until that has worked
		p.click(accountButton(alex))
		p.click(acceptButton)
		p.awaitAt(st.site, "/session?x=1")
		p.awaitText(st.site.url, alex.name, alex.login)
		p.checkNothingAbout(st.site, adele)
		p.inBothColours("switched")
		p.checkCookies(st.site)
		p.checkSignedIn(st.site, alex.login)
		if st.isSignedInBy(first) {
			st.t.Error("the first session is not over")
		}
		var listed int
		if p.eval(`document.querySelectorAll("#visits ~ * tbody tr").length`, &listed); listed != 1 {
			st.t.Errorf("%d sessions are listed", listed)
		}
		other.reload()
		other.awaitProfile(st.site, alex)
		other.checkNothingAbout(st.site, adele)
	})
}

// Users who change their mind, or choose the same account, stay signed in.
func TestSwitchAccount_MayEndWhereItBegan(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		p := st.signIn(st.chromium, adele)
		p.expect(`network: .* status of 4\d\d .*/user/authorized`)
		p.goTo("/graph")
		p.awaitAt(st.site, "/graph")
		p.click(switchButton)
		p.click(cancelButton)
		p.awaitText(st.site.url, "You are still signed in")
		p.inBothColours("cancelled")
		p.checkSignedIn(st.site, adele.login)

		p.click(`//a[contains(., "Try again")]`)
		p.click(accountButton(adele))
		p.awaitAt(st.site, "/graph")
		p.awaitText(st.site.url, adele.name)
		p.checkCookies(st.site)
	})
}

// isSignedInBy reports whether a session is valid.
func (st *stage) isSignedInBy(session string) bool {
	st.t.Helper()
	c := newClient(st.t, st.site)
	home, err := url.Parse(st.site.url)
	if err != nil {
		st.t.Fatal(err)
	}
	c.http.Jar.SetCookies(home, []*http.Cookie{{Name: st.site.cookieName(), Value: session, Path: "/", Secure: st.site.cert != nil}})
	return c.user() != ""
}
