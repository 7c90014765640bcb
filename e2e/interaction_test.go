package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
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

// A page that needs an additional scope gets it by consent, and the browser returns to it. A script
// that requests the same gets the login URL, and is never redirected to Entra.
func TestInteraction_NewScopeAsksForConsent(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		const path = "/org?levels=1&note=a%20b%2Fc"
		p := st.signIn(st.chromium, adele)
		for _, row := range []struct {
			path, options, code string
			status              int
		}{
			{path, "", "consent_required", http.StatusForbidden},
			{"/confirmed", "", "claims_challenge", http.StatusUnauthorized},
			{"/api/me", `credentials: "omit"`, "login_required", http.StatusUnauthorized},
			{path, `method: "GET", credentials: "omit", headers: {Accept: "application/json"}`, "login_required", http.StatusUnauthorized},
		} {
			got := st.fetch(st.chromium, row.path, row.options)
			if got.Status != row.status || got.Type != "application/problem+json" || got.Problem.Code != row.code ||
				!strings.HasPrefix(got.Problem.LoginURL, "/user/login") || got.Problem.CorrelationID == "" ||
				got.Redirected || got.URL != st.site.url+row.path {
				st.t.Errorf("fetch of %s {%s}: %+v", row.path, row.options, got)
			}
		}
		st.checkVisits("scripts", 0, 0)

		p.goTo(path)
		p.await(consentPage)
		p.await(`document.body.innerText.includes("Read all users")`)
		p.click(acceptButton)
		p.awaitAt(st.site, path)
		p.awaitText(st.site.url, "Adele Vance", "Miriam Graham")
		st.checkVisits("consent", 1, 1)
		p.inBothColours("org")
		p.reload()
		p.awaitText(st.site.url, "Miriam Graham")
		st.checkVisits("consent is kept", 1, 1)
		p.checkCookies(st.site)
	})
}

// Users who lack a permission, or who decline consent, get a page that explains this and does not
// redirect. They can try again (threat B15).
func TestInteraction_RefusalsArePages(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		p := st.signIn(st.chromium, adele)
		p.expect(`network: .* status of 4\d\d .*/(admin|user/authorized)`)
		p.goTo("/admin")
		p.awaitText(st.site.url, "Your account may not do this.", "Reference")
		p.inBothColours("forbidden")
		st.checkVisits("forbidden", 0, 0)

		p.goTo("/org?levels=1")
		p.await(consentPage)
		p.click(`//button[@value="decline"]`)
		p.awaitText(st.site.url, "You are still signed in", "Try again")
		p.await(`location.pathname === "/user/authorized"`)
		p.inBothColours("declined")
		p.checkSignedIn(st.site, adele.login) // with what was granted before
		st.checkVisits("declined", 1, 1)

		p.click(`//a[contains(., "Try again")]`)
		p.await(consentPage)
		p.click(acceptButton)
		p.awaitAt(st.site, "/org?levels=1")
		p.awaitText(st.site.url, "Miriam Graham")
	})
}

// An administrator ends all sessions of a user. Graph refuses the token, and one sign-in resolves this
// (threat B14).
func TestInteraction_RevocationIsOneSignIn(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		p := st.signIn(st.chromium, alex)
		p.open(st.site.url + "/profile?from=work")
		p.awaitProfile(st.site, alex)
		st.idp.ResetRequests()
		st.idp.Revoke(alex.login)
		p.goTo("/profile?from=work")
		p.await(accountsPage)
		p.click(accountButton(alex))
		p.awaitProfile(st.site, alex)
		p.awaitAt(st.site, "/profile?from=work")
		st.checkVisits("after the revocation", 1, 1)
		for _, path := range []string{"/profile", "/graph"} {
			p.open(st.site.url + path)
			p.awaitText(st.site.url, alex.name)
		}
		st.checkVisits("and later", 1, 1)
		p.checkCookies(st.site)
	})
}

// insufficientClaims makes Graph refuse every token, even after a new sign-in.
func insufficientClaims() entratest.Fault {
	claims := base64.StdEncoding.EncodeToString([]byte(`{"access_token":{"nbf":{"essential":true,"value":"1"}}}`))
	return entratest.Fault{
		Status: http.StatusUnauthorized,
		Body:   `{"error":{"code":"InvalidAuthenticationToken","message":"never"}}`,
		Header: http.Header{"Www-Authenticate": {`Bearer realm="", error="insufficient_claims", claims="` + claims + `"`}},
	}
}

// If no sign-in satisfies a page, the user gets a page that explains this, and no loop (threat B14).
// When the fault has been fixed, the original page is shown.
func TestInteraction_LoopEndsWithAPageThatExplains(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		p := st.signIn(st.chromium, diego)
		st.idp.Fault(entratest.GraphMe, insufficientClaims())
		p.expect(`network: .* status of 403 .*/profile`)
		p.goTo("/profile?from=work")
		p.awaitText(st.site.url, "did not help", "Reference")
		p.awaitAt(st.site, "/profile?from=work")
		st.checkVisits("the loop", 3, 0)
		p.inBothColours("loop")
		var reference string
		p.eval(`document.querySelector("code").innerText`, &reference)
		if log := st.app.stderr.String(); !strings.Contains(log, "sign_in_loop") || !strings.Contains(log, reference) {
			st.t.Errorf("the log does not have the reference %s:\n%s", reference, log)
		}
		p.reload()
		p.awaitText(st.site.url, "did not help")
		st.checkVisits("the loop, reloaded", 3, 0)
		p.checkSignedIn(st.site, diego.login)

		st.idp.ClearFaults()
		p.reload()
		p.awaitProfile(st.site, diego)
		st.checkVisits("after the fault", 3, 0)
	})
}

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

// A session whose tokens have been lost gets new ones without asking the user if the browser has a
// session at Entra. Otherwise the user has to sign in.
func TestInteraction_LostTokensComeBackSilently(t *testing.T) {
	t.Parallel()
	chromiumPath(t)
	redis := redistest.Start(t)
	onStages(t, func(st *stage) {
		const path = "/profile?note=a%20b%2Fc"
		p := st.signIn(st.chromium, alex)
		p.open(st.site.url + path)
		p.awaitProfile(st.site, alex)
		before := p.cookies(st.site.url)[st.site.cookieName()].Value
		st.loseTokens(redis, before)
		p.goTo(path)
		p.awaitProfile(st.site, alex)
		p.awaitAt(st.site, path)
		st.checkVisits("silently", 1, 0)
		for _, r := range st.idp.Requests(entratest.Authorize) {
			if r.Form.Get("prompt") != "none" || r.Form.Get("login_hint") == "" || r.User != alex.login {
				st.t.Errorf("authorize by %v, about %q", r.Form, r.User)
			}
		}
		p.checkCookies(st.site)
		after := p.cookies(st.site.url)[st.site.cookieName()].Value
		if after == before {
			st.t.Error("the session has not been renewed")
		}

		st.loseTokens(redis, after)
		p.forgetEntra(st)
		p.goTo(path)
		p.await(accountsPage)
		p.click(accountButton(alex))
		p.awaitProfile(st.site, alex)
		p.awaitAt(st.site, path)
		st.checkVisits("with help", 2, 1)
		p.checkCookies(st.site)
	}, "FIBERMSAL_REDIS_URL="+redis.URL+patientRedis, "FIBERMSAL_KEYS="+newSealingKey().base64())
}

// loseTokens removes the record of a session's tokens. The app's cache is lost with its process.
func (st *stage) loseTokens(redis *redistest.Server, session string) {
	st.t.Helper()
	st.app.signal(syscall.SIGTERM)
	st.app.wait()
	name, _ := record.SessionID(session)
	ctx := st.t.Context()
	keys, err := redis.Client().Keys(ctx, "*{"+name+"}:"+string(record.Tokens)).Result()
	if err != nil || len(keys) != 1 {
		st.t.Fatalf("the tokens of %s: %v %v", name, keys, err)
	}
	if err := redis.Client().Del(ctx, keys...).Err(); err != nil {
		st.t.Fatal(err)
	}
	st.app.start(st.t)
	st.idp.ResetRequests()
}

// Pages that require more than a session get it at Entra, and are then shown.
func TestInteraction_StepUpAndFreshProof(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		st.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["auth_time"] = time.Now().Add(-time.Hour).Unix() })
		p := st.signIn(st.chromium, diego)

		p.goTo("/confirmed?payment=1%2F2")
		p.await(`document.title === "Verify your identity"`)
		p.click(`//button[@value="approve"]`)
		p.awaitAt(st.site, "/confirmed?payment=1%2F2")
		p.awaitText(st.site.url, "Stepped up", "c1")
		st.checkVisits("step-up", 1, 1)
		p.inBothColours("confirmed")

		p.open(st.site.url + "/org") // a sign-in that does not prove anything anew
		p.click(acceptButton)
		p.awaitText(st.site.url, "Above you")
		st.idp.TamperIDToken(nil)
		st.idp.ResetRequests()

		p.goTo("/recent?iban=1")
		p.await(accountsPage)
		p.click(accountButton(diego))
		p.awaitAt(st.site, "/recent?iban=1")
		p.awaitText(st.site.url, "It is really you", "Asked again after")
		st.checkVisits("fresh proof", 1, 1)
		authorize := st.idp.Requests(entratest.Authorize)[0].Form
		if authorize.Get("prompt") != "login" || authorize.Has("max_age") || authorize.Get("login_hint") == "" {
			st.t.Errorf("authorize by %v", authorize)
		}
		p.reload()
		p.awaitText(st.site.url, "It is really you")
		p.inBothColours("recent")
		p.open(st.site.url + "/confirmed") // what was proven before the last sign-in stays
		p.awaitText(st.site.url, "Stepped up")
		st.checkVisits("remembered", 1, 1)
		p.checkCookies(st.site)
	})
}
