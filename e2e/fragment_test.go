package e2e

import "testing"

// A browser keeps the fragment of a page until the login route, where a script reads it.
func TestFragment_SurvivesTheSignIn(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		consented := false
		for _, path := range []string{"/session?a=b#/orders/7?tab=1&x=%20y", "/session#top", "/session?a=b"} {
			p := st.otherProfile().tab()
			p.open(st.site.url + path)
			p.click(accountButton(adele))
			if !consented {
				consented = true
				p.click(acceptButton)
			}
			p.awaitAt(st.site, path)
			p.awaitText(st.site.url, "Your session")
		}
	}, "FIBERMSAL_KEEP_FRAGMENT=true")
}
