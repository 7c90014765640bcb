package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"

	"github.com/fibermsal/fibermsal/entratest"
)

// All tabs that are opened together return to their own pages, with one cookie.
func TestResume_TwentyTabs(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		tabs := map[string]*tab{}
		for i := range 20 {
			path := fmt.Sprintf("/session?tab=%d&q=%s", i, strings.Repeat("a", 40*i))
			p := st.tab()
			p.open(st.site.url + path)
			p.await(accountsPage)
			tabs[path] = p
		}
		consented := false
		for path, p := range tabs {
			p.click(accountButton(adele))
			if !consented {
				p.click(acceptButton)
				consented = true
			}
			p.awaitAt(st.site, path)
			p.awaitText(st.site.url, adele.name)
			if cookies := p.flowCookies(st.site); len(cookies) > 2 { // the other one counts the sign-ins that pages required
				st.t.Errorf("sign-in cookies: %v", cookies)
			}
		}
	})
}

// If users go back to Entra's page, it responds to the same request again, either immediately or after
// they choose their account again. They see their page, and their session stays the same.
func TestResume_BackButton(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		p := st.tab()
		p.open(st.site.url + "/session?x=1")
		p.click(accountButton(adele))
		p.click(acceptButton)
		p.awaitAt(st.site, "/session?x=1")
		before := p.cookies(st.site.url)[st.site.cookieName()].Value
		st.idp.ResetRequests()
		p.eval(`window.isLeft = true; history.go(-2)`, nil) // past the consent
		at := fmt.Sprintf(`location.href === %q`, st.site.url+"/session?x=1")
		p.await(`!window.isLeft && (` + accountsPage + ` || ` + at + `)`)
		var asks bool
		if p.eval(accountsPage, &asks); asks {
			p.click(accountButton(adele))
		}
		p.awaitAt(st.site, "/session?x=1")
		p.awaitText(st.site.url, adele.name)
		if after := p.cookies(st.site.url)[st.site.cookieName()].Value; after != before || st.idp.Count(entratest.Token) != 0 {
			st.t.Errorf("another session: %v, %d token calls", after != before, st.idp.Count(entratest.Token))
		}
	})
}

// After ten minutes on Entra's page, the browser has removed the cookie of the sign-in.
func TestResume_SlowSignIn(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		p := st.tab()
		p.open(st.site.url + "/session?x=1")
		p.await(accountsPage)
		for _, c := range p.flowCookies(st.site) {
			p.do("waiting ten minutes", network.DeleteCookies(c.Name).WithURL(st.site.url))
		}
		p.click(accountButton(adele))
		p.click(acceptButton)
		p.awaitAt(st.site, "/session?x=1") // by another sign-in, at which Entra shows nothing
		p.awaitText(st.site.url, adele.name)
	})
}
