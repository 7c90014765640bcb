package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/cdproto/emulation"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

// The programs under test. Both have the same page.
var (
	exampleAPI   = &program{source: "./examples/api"}
	exampleAPIV3 = &program{module: "v3", source: "./examples/api"}
)

func exampleAPIs() map[string]*program {
	return map[string]*program{"Fiber v2": exampleAPI, "Fiber v3": exampleAPIV3}
}

const (
	stepUpPage    = `document.title === "Verify your identity"`
	approveButton = `//button[@value="approve"]`
	declineButton = `//button[@value="decline"]`
)

func callButton(name string) string { return fmt.Sprintf(`//button[contains(., %q)]`, name) }

// msalBrowser skips the test where npm has not installed it.
func msalBrowser(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("../examples/api/page/node_modules/@azure/msal-browser"); err != nil {
		redistest.Missing(t, "MSAL Browser")
	}
}

var announcedPage = regexp.MustCompile(`(?m)^\s*Open\s+(http://localhost:\d+)$`)

// apiPage is the page of the example in a browser.
type apiPage struct {
	*tab

	origin string
}

// A single-page app with MSAL Browser gets what the API requires, and returns.
func TestAPIExample_ThePageResolvesWhatTheAPIRequires(t *testing.T) {
	t.Parallel()
	chromiumPath(t) // before anything is built for it
	msalBrowser(t)
	for name, example := range exampleAPIs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := run(t, example, []string{"PORT=0", "API_PORT=0"})
			q.await("ready", func() bool { return announcedPage.MatchString(q.stdout.String()) })
			p := apiPage{newChromium(t, site{}).tab(), announcedPage.FindStringSubmatch(q.stdout.String())[1]}
			p.expect(`the server responded with a status of 40[013]`) // which the page handles, and MSAL
			p.signIn()
			p.callsGraph()
			p.getsAScope()
			p.stepsUp()
			p.needsNothingTwice()
			p.replacesARejectedToken()
			p.signsInAgain()
			p.signOut()
			q.signal(syscall.SIGINT)
			if status := q.wait(); status != 0 {
				t.Errorf("exit status %d after SIGINT\n%s", status, q.stderr)
			}
		})
	}
}

func (p apiPage) signIn() {
	p.t.Helper()
	p.open(p.origin)
	p.awaitText(p.origin, "Sign in with Microsoft")
	p.inBothColours("1-welcome")
	p.click(callButton("Sign in with Microsoft"))
	p.await(accountsPage)
	p.click(accountButton(adele))
	p.await(consentPage)
	p.screenshot("2-consent")
	p.click(acceptButton)
	p.awaitText(p.origin, adele.name, "GET /me")
	p.screenshot("3-signed-in")
}

// callsGraph consents to what the API calls on behalf of the user.
func (p apiPage) callsGraph() {
	p.t.Helper()
	p.click(callButton("GET /me"))
	p.await(consentPage)
	p.screenshot("4-consent-to-graph")
	p.click(acceptButton)
	p.awaitText(p.origin, "GET /me: 403 insufficient_scope", "GET /me: 200", "Retail Manager")
	p.inBothColours("5-graph")
}

// getsAScope consents to a scope of the API, after the user has declined once.
func (p apiPage) getsAScope() {
	p.t.Helper()
	for _, decision := range []struct {
		button string
		shows  []string
	}{
		{declineButton, []string{"access_denied", adele.name, "GET /me"}},
		{acceptButton, []string{"POST /orders: 403 insufficient_scope", "POST /orders: 201", `"order": 1`}},
	} {
		p.click(callButton("POST /orders"))
		p.await(consentPage)
		p.click(decision.button)
		p.awaitText(p.origin, decision.shows...)
	}
}

// stepsUp answers a claims challenge.
func (p apiPage) stepsUp() {
	p.t.Helper()
	p.click(callButton("GET /salary"))
	p.await(stepUpPage)
	p.screenshot("6-step-up")
	p.click(approveButton)
	p.awaitText(p.origin, "GET /salary: 401 insufficient_claims", "GET /salary: 200", "more than last year")
	p.do("narrowing the window", emulation.SetDeviceMetricsOverride(320, 640, 1, true))
	p.inBothColours("7-narrow")
	var wide bool
	if p.eval(`document.documentElement.scrollWidth > innerWidth`, &wide); wide {
		p.t.Error("the page is wider than 320 px")
	}
	p.do("widening the window", emulation.ClearDeviceMetricsOverride())
}

// needsNothingTwice calls again: what was granted is in the tokens that MSAL keeps.
func (p apiPage) needsNothingTwice() {
	p.t.Helper()
	for name, status := range map[string]string{"GET /me": "200", "POST /orders": "201", "GET /salary": "200"} {
		p.click(callButton(name))
		p.awaitSteps(name + ": " + status)
	}
}

// replacesARejectedToken calls with a token that the API does not accept any more.
func (p apiPage) replacesARejectedToken() {
	p.t.Helper()
	p.nextCallOfMe(`real(address, { ...options, headers: { Authorization: "Bearer expired" } })`)
	p.click(callButton("GET /me"))
	p.awaitSteps("GET /me: 401 invalid_token", "GET /me: 200")
}

// signsInAgain meets what an API with AuthenticatedWithin responds, which would take as long as that in this API.
func (p apiPage) signsInAgain() {
	p.t.Helper()
	p.nextCallOfMe(`Promise.resolve(new Response("{}", { status: 401, headers: {
		"WWW-Authenticate": 'Bearer error="insufficient_user_authentication", error_description="Please sign in again.", max_age="300"',
	} }))`)
	p.click(callButton("GET /me"))
	p.await(accountsPage)
	p.click(accountButton(adele))
	p.awaitText(p.origin, "GET /me: 401 insufficient_user_authentication", "GET /me: 200")
}

// nextCallOfMe replaces the next call of GET /me by another one, in JavaScript.
func (p apiPage) nextCallOfMe(by string) {
	p.t.Helper()
	p.eval(fmt.Sprintf(`(() => {
		const real = window.fetch;
		window.fetch = (address, options) => {
			if (!String(address).endsWith("/me")) return real(address, options);
			window.fetch = real;
			return %s;
		};
	})()`, by), nil)
}

func (p apiPage) signOut() {
	p.t.Helper()
	p.click(signOutButton)
	p.awaitText(p.origin, "Sign in with Microsoft")
}

// awaitSteps waits until these steps and no others are on the page.
func (p apiPage) awaitSteps(steps ...string) {
	p.t.Helper()
	p.await(fmt.Sprintf(`Array.from(document.querySelectorAll("#steps li"), (li) => li.textContent.trim()).join("\n") === %q`, strings.Join(steps, "\n")))
}

func TestAPIExample_ADaemonCallsIt(t *testing.T) {
	t.Parallel()
	for name, example := range exampleAPIs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := run(t, example, nil, "-daemon")
			if status := q.wait(); status != 0 || !strings.Contains(q.stdout.String(), `GET /orders: {"calledBy":"00001111-aaaa-2222-bbbb-3333cccc4444","orders":0}`) {
				t.Errorf("status %d\n%s%s", status, q.stdout, q.stderr)
			}
		})
	}
}
