package e2e

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// The example's pages, and fibermsal's in its design, are readable and operable in all appearances.
func TestExample_PagesAreAccessible(t *testing.T) {
	t.Parallel()
	source := axeSource(t)
	chromiumPath(t) // before anything is built for it
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!DOCTYPE html><link rel="icon" href="data:,">`))
	}))
	t.Cleanup(other.Close)
	for name, example := range map[string]*program{"Fiber v2": exampleApp, "Fiber v3": exampleAppV3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "http")
			startProgram(t, example, s, emulatorFor(t, s))
			p := newChromium(t, s).tab()
			p.expect(`Failed to load resource`) // the status of the page, and people without a photo
			p.open(s.url)
			p.awaitText(s.url, "Sign in")
			p.checkAppearances("home", source)
			p.open(s.url + "/user/authorized?error=access_denied&error_subcode=cancel")
			p.await(`document.querySelector("main code")`)
			p.checkAppearances("rejected", source)
			p.open(s.url + "/profile")
			p.click(accountButton(adele))
			p.click(acceptButton)
			p.awaitText(s.url, adele.name, adele.manager)
			p.checkAppearances("profile", source)
			p.open(s.url + "/nowhere")
			p.checkAppearances("missing", source)
			p.open(other.URL)
			p.leave(func() { p.eval(`void (location.href = "`+s.url+`/user/logout")`, nil) })
			p.awaitText(s.url, "Do you want to sign out?")
			p.checkAppearances("question", source)
			p.click(`//main//button[contains(., "Sign out")]`)
			p.awaitText(s.url, "Sign in with Microsoft") // back from Entra
		})
	}
}
