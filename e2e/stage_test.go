package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/fibermsal/fibermsal/entratest"
)

// stage is an app with its own emulator, and the browser of a user.
type stage struct {
	*chromium
	site site
	idp  *entratest.Server
	app  *app
}

// onStages runs a scenario in both response modes.
func onStages(t *testing.T, scenario func(*stage), env ...string) {
	t.Helper()
	chromiumPath(t) // before anything is built for it
	for way, scheme := range map[string]string{"form_post": "https", "query": "http"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			scenario(newStage(t, newSite(t, scheme), nil, env...))
		})
	}
}

// newStage starts the app at a site, with options for its emulator.
func newStage(t *testing.T, s site, options []entratest.Option, env ...string) *stage {
	t.Helper()
	idp := emulatorFor(t, s, append(options, entratest.WithFrontChannelLogout(s.at("/user/frontchannel-logout")))...)
	return &stage{site: s, idp: idp.server, app: startApp(t, s, idp, env...), chromium: newChromium(t, s)}
}

// otherProfile returns the browser of another user on the same machine. It shares no cookie.
func (b *chromium) otherProfile() *chromium {
	b.t.Helper()
	var profile cdp.BrowserContextID
	err := chromedp.Run(b.ctx, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		c := chromedp.FromContext(ctx)
		ctx = cdp.WithExecutor(ctx, c.Browser)
		if profile, err = target.CreateBrowserContext().WithDisposeOnDetach(true).Do(ctx); err != nil {
			return err
		}
		// chromedp opens tabs, for which there must be a window.
		_, err = target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(true).Do(ctx)
		return err
	}))
	if err != nil {
		b.t.Fatalf("opening another profile: %v", err)
	}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithExistingBrowserContext(profile))
	b.t.Cleanup(cancel)
	return &chromium{t: b.t, ctx: ctx}
}

// signIn signs a user in, in a new tab.
func (st *stage) signIn(b *chromium, who person) *tab {
	st.t.Helper()
	p := b.tab()
	p.open(st.site.at("/user/login?to=" + st.site.base + "/session"))
	p.click(accountButton(who))
	p.await(consentPage + fmt.Sprintf(` || location.pathname === %q`, st.site.base+"/session")) // some have consented before
	var consents bool
	if p.eval(consentPage, &consents); consents {
		p.click(acceptButton)
	}
	p.awaitAt(st.site, "/session")
	p.awaitText(st.site.url, who.name)
	st.idp.ResetRequests()
	return p
}

// awaitAt waits until the address of the tab has exactly the given path and query.
func (p *tab) awaitAt(s site, path string) {
	p.t.Helper()
	p.await(fmt.Sprintf(`location.href === %q`, s.at(path)))
}

// goTo opens a URL from within the page. The test has to wait for the result.
func (p *tab) goTo(to string) { p.t.Helper(); p.eval(fmt.Sprintf(`location.assign(%q)`, to), nil) }

// checkVisits counts the browser's visits at Entra and the pages it was shown there.
func (st *stage) checkVisits(what string, authorize, pressed int) {
	st.t.Helper()
	if got := st.idp.Count(entratest.Authorize); got != authorize {
		st.t.Errorf("%s: the authorize endpoint was visited %d times, want %d", what, got, authorize)
	}
	if got := st.idp.Count(entratest.Login); got != pressed {
		st.t.Errorf("%s: %d buttons were pressed at Entra, want %d", what, got, pressed)
	}
}

// inBothColours takes pictures of a page in the light and in the dark colour scheme.
func (p *tab) inBothColours(name string) {
	p.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		prefers := emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}})
		p.do("preferring "+scheme, prefers)
		p.screenshot(name + "-" + scheme)
	}
	p.do("preferring nothing", emulation.SetEmulatedMedia())
}

// fetched is what a script of the app's page gets.
type fetched struct {
	Status     int
	Type, URL  string
	Redirected bool
	Problem    struct {
		Code          string `json:"code"`
		LoginURL      string `json:"login_url"`
		CorrelationID string `json:"correlation_id"`
	}
}

// fetch runs in a page of the app. The example has no script and allows none, so its policy is ignored.
func (st *stage) fetch(b *chromium, path, options string) (got fetched) {
	st.t.Helper()
	p := b.tab()
	p.expect(`network: .* status of 40[13] .*`)
	p.do("putting the policy aside", page.SetBypassCSP(true))
	p.open(st.site.url + "/")
	script := fmt.Sprintf(`fetch(%q, {%s}).then(async (r) => ({
		Status: r.status, Type: r.headers.get("Content-Type"), URL: r.url, Redirected: r.redirected, Problem: await r.json(),
	}))`, path, options)
	p.do("fetching "+path, chromedp.Evaluate(script, &got, func(e *runtime.EvaluateParams) *runtime.EvaluateParams {
		return e.WithAwaitPromise(true)
	}))
	return got
}
