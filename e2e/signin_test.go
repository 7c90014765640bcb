package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// person is a user with a photo and a manager, as shown on the example's pages.
type person struct{ login, name, manager string }

// All users sign in for the first time, so all are asked for consent.
var (
	adele = person{"AdeleV@contoso.com", "Adele Vance", "Miriam Graham"}
	alex  = person{"AlexW@contoso.com", "Alex Wilber", "Megan Bowen"}
	diego = person{"DiegoS@contoso.com", "Diego Siciliani", "Nestor Wilke"}
	grady = person{"GradyA@contoso.com", "Grady Archie", "Megan Bowen"}
)

// XPaths of elements that a user clicks.
const (
	signInLink    = `//main//a[contains(., "Sign in")]`
	signOutButton = `//button[contains(., "Sign out")]`
	acceptButton  = `//button[@value="accept"]`
	cancelButton  = `//button[@value="cancel"]`
)

func accountButton(p person) string { return fmt.Sprintf(`//button[contains(., %q)]`, p.login) }

// Pages of the emulator.
const (
	accountsPage = `document.title === "Pick an account"`
	consentPage  = `document.title === "Permissions requested"`
)

// The variants of a sign-in: Entra's response by POST or in the URL, sessions in memory or in Redis,
// and both versions of Fiber.
func TestSignIn_InARealBrowserAcrossSites(t *testing.T) {
	t.Parallel()
	chromiumPath(t) // before anything is built for it
	for _, way := range []struct {
		name, scheme string
		redis        bool
		program      *program
	}{
		{name: "form_post", scheme: "https", program: exampleApp},
		{name: "query", scheme: "http", program: exampleApp},
		{name: "form_post on Redis", scheme: "https", redis: true, program: exampleApp},
		{name: "query on Redis", scheme: "http", redis: true, program: exampleApp},
		{name: "form_post on Fiber v3", scheme: "https", program: exampleAppV3},
		{name: "query on Fiber v3", scheme: "http", program: exampleAppV3},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, way.scheme)
			if way.redis {
				trySigningInOnRedis(t, s, way.program)
				return
			}
			startProgram(t, way.program, s, emulatorProcessFor(t, s))
			trySigningIn(t, s)
		})
	}
}

// trySigningInOnRedis runs the emulator in this process, because the emulator has the secrets that must
// not be found in Redis.
func trySigningInOnRedis(t *testing.T, s site, p *program) {
	t.Helper()
	redis, key := redistest.Start(t, "--appendonly", "yes"), newSealingKey()
	idp := emulatorFor(t, s)
	a := startProgram(t, p, s, idp, "FIBERMSAL_REDIS_URL="+redis.URL+patientRedis, "FIBERMSAL_KEYS="+key.base64())
	sessions := trySigningIn(t, s)

	for _, endpoint := range []entratest.Endpoint{entratest.GraphMe, entratest.GraphManager, entratest.GraphPhoto} {
		if idp.server.Count(endpoint) == 0 {
			t.Errorf("what the pages showed did not come from Graph: %s was not called", endpoint)
		}
	}
	// At the end of the scenarios a user is still signed in, so there are sessions.
	if keys := redis.Keys(); len(keys) < 4 {
		t.Errorf("the sessions are not in Redis: %q", keys)
	}
	c := newCanaries()
	c.add("a credential", idp.server.Secrets()...)
	c.add("a session cookie", sessions...)
	c.add("the key", key.base64(), string(key))
	c.search(t, "the app's output", []byte(a.stdout.String()+a.stderr.String()))
	// Dump fails for keys that never expire (threat E9).
	stored := append(redis.Dump(), redis.Written()...)
	c.search(t, "Redis", stored)
	for _, user := range idp.server.Users() {
		for _, personal := range []string{user.ID, user.UPN, user.Mail, user.DisplayName} {
			if personal != "" && strings.Contains(strings.ToLower(string(stored)), strings.ToLower(personal)) {
				t.Errorf("Redis contains %q", personal)
			}
		}
	}
}

// trySigningIn lets users with separate browsers use the app at a site. It returns their session
// cookies.
func trySigningIn(t *testing.T, s site) (sessions []string) {
	t.Helper()
	for _, scenario := range []struct {
		name string
		run  func(*testing.T, *chromium, site)
	}{
		{"sees name, manager and photo, and signs out", seeProfileAndSignOut},
		{"signs in in two tabs at once", signInInTwoTabs},
		{"cancels and signs in after all", cancelAndSignIn},
	} {
		// The scenarios run one after the other, because they share the app and the machine is small.
		t.Run(scenario.name, func(t *testing.T) {
			b := newChromium(t, s)
			scenario.run(t, b, s)
			if session, ok := b.tab().cookies(s.url)[s.cookieName()]; ok {
				sessions = append(sessions, session.Value)
			}
		})
	}
	return sessions
}

// seeProfileAndSignOut is the main scenario from a user's point of view.
func seeProfileAndSignOut(t *testing.T, b *chromium, s site) {
	t.Helper()
	p := b.tab()
	p.open(s.at(""))
	p.screenshot("1-welcome")
	p.click(signInLink)
	p.await(accountsPage)
	p.screenshot("2-accounts")
	p.checkFlowCookie(s)
	p.click(accountButton(adele))
	p.await(consentPage)
	p.screenshot("3-consent")
	p.click(acceptButton)
	p.awaitProfile(s, adele)
	p.screenshot("4-profile")
	p.checkSignedIn(s, adele.login)
	p.checkCookies(s)
	photo := p.photo()

	p.reload()
	p.awaitProfile(s, adele)
	p.checkSignedIn(s, adele.login)

	p.leave(func() { p.click(signOutButton) })
	p.awaitText(s.url, "Sign in")
	p.screenshot("5-signed-out")
	p.checkSignedIn(s, "")
	if cookies := p.cookies(s.url); len(cookies) != 0 {
		t.Errorf("cookies after signing out: %v", cookies)
	}
	p.checkNothingAbout(s, adele)

	p.back() // to the profile, as it was left
	p.checkNothingAbout(s, adele)
	p.open(s.at("/profile"))
	p.await(accountsPage) // so nobody is signed in

	p.click(accountButton(alex))
	p.click(acceptButton)
	p.awaitProfile(s, alex)
	p.checkNothingAbout(s, adele)
	if p.photo() == photo {
		t.Error("Alex is shown the photo of Adele, who used this browser before")
	}
}

// signInInTwoTabs starts two sign-ins and completes them in the opposite order.
func signInInTwoTabs(t *testing.T, b *chromium, s site) {
	t.Helper()
	first, second := b.tab(), b.tab()
	for _, p := range []*tab{first, second} {
		p.open(s.at(""))
		p.click(signInLink)
		p.await(accountsPage)
	}
	second.click(accountButton(diego))
	second.click(acceptButton)
	second.awaitProfile(s, diego)
	if cookies := first.flowCookies(s); len(cookies) != 1 {
		t.Errorf("sign-in cookies while one tab is not finished: %v", cookies)
	}

	first.click(accountButton(diego)) // consent was given in the other tab
	first.awaitProfile(s, diego)
	second.reload()
	second.awaitProfile(s, diego)
	if left := first.flowCookies(s); len(left) != 0 {
		t.Errorf("sign-in cookies after both have finished: %v", left)
	}
	first.checkCookies(s)
}

// cancelAndSignIn is a user who cancels twice and then signs in.
func cancelAndSignIn(t *testing.T, b *chromium, s site) {
	t.Helper()
	p := b.tab()
	p.open(s.at(""))
	p.click(signInLink)
	// The page for a cancelled sign-in has the status of an error.
	p.expect(`network: .* status of 4\d\d .*/user/authorized`)
	p.click(cancelButton)
	p.awaitText(s.url, "Sign in")
	p.await(fmt.Sprintf(`location.pathname === %q`, s.base+"/user/authorized"))
	p.screenshot("cancelled")
	p.checkSignedIn(s, "")
	if left := p.flowCookies(s); len(left) != 0 {
		t.Errorf("sign-in cookies after cancelling: %v", left)
	}
	p.click(signInLink)
	p.click(accountButton(grady))
	p.click(acceptButton)
	p.awaitProfile(s, grady) // where they wanted to go in the first place
	p.checkSignedIn(s, grady.login)
}

// awaitProfile waits for the profile of a user, with a valid photo.
func (p *tab) awaitProfile(s site, who person) {
	p.t.Helper()
	p.awaitText(s.url, who.name, who.manager)
	p.await(fmt.Sprintf(`location.pathname === %q`, s.base+"/profile"))
	p.await(fmt.Sprintf(`document.querySelector("img[alt*='%s']").naturalWidth > 0`, who.name))
}

// photo returns the displayed photo as a URL.
func (p *tab) photo() (picture string) {
	p.t.Helper()
	p.eval(`(() => {
		const img = document.querySelector("img[alt^='Photo']"), canvas = document.createElement("canvas");
		canvas.width = canvas.height = 16;
		canvas.getContext("2d").drawImage(img, 0, 0, 16, 16);
		return canvas.toDataURL();
	})()`, &picture)
	return picture
}

// checkSignedIn checks the signed-in user according to the app, in a new tab.
func (p *tab) checkSignedIn(s site, login string) {
	p.t.Helper()
	infoTab := p.browser.tab()
	infoTab.open(s.at("/user/info"))
	var info struct {
		Authenticated bool   `json:"authenticated"`
		UPN           string `json:"upn"`
	}
	infoTab.eval(`JSON.parse(document.body.innerText)`, &info)
	if info.UPN != login || info.Authenticated != (login != "") {
		p.t.Errorf("/user/info: %+v, want %q", info, login)
	}
}

// checkNothingAbout checks the app's pages only, because the emulator's pages list all users.
func (p *tab) checkNothingAbout(s site, who person) {
	p.t.Helper()
	var origin, text string
	p.eval(`location.origin`, &origin)
	if origin != s.url {
		return
	}
	p.eval(`document.body.innerText`, &text)
	for _, personal := range []string{who.login, who.name, who.manager} {
		if strings.Contains(text, personal) {
			p.t.Errorf("the app shows %q:\n%s", personal, text)
		}
	}
}

func (s site) cookieName() string {
	if s.cert != nil {
		return "__Host-fibermsal"
	}
	return "fibermsal"
}

// flowCookies returns the cookies of unfinished sign-ins. There is one, regardless of their number.
func (p *tab) flowCookies(s site) (cookies []*network.Cookie) {
	p.t.Helper()
	for name, c := range p.cookies(s.at("/user/authorized")) {
		if strings.HasPrefix(name, s.cookieName()+"-") {
			cookies = append(cookies, c)
		}
	}
	return cookies
}

// checkFlowCookie looks at the cookie of the one sign-in that has begun: with
// form_post it must come back in a POST from another site.
func (p *tab) checkFlowCookie(s site) {
	p.t.Helper()
	cookies := p.flowCookies(s)
	if len(cookies) != 1 {
		p.t.Fatalf("sign-in cookies: %v", cookies)
	}
	c, sameSite := cookies[0], network.CookieSameSiteLax
	if s.cert != nil {
		sameSite = network.CookieSameSiteNone
	}
	if !c.HTTPOnly || c.Secure != (s.cert != nil) || c.SameSite != sameSite || c.Path != "/" || c.Domain != "app.localhost" {
		p.t.Errorf("the sign-in cookie: %+v", c)
	}
}

// checkCookies checks the cookies of a signed-in user as the browser stores them.
func (p *tab) checkCookies(s site) {
	p.t.Helper()
	cookies := p.cookies(s.url)
	c, ok := cookies[s.cookieName()]
	if !ok || len(cookies) != 1 {
		p.t.Fatalf("cookies: %v, want %s alone", cookies, s.cookieName())
	}
	raw, err := base64.RawURLEncoding.DecodeString(c.Value)
	switch {
	case err != nil || len(raw) != 32:
		p.t.Errorf("the session cookie's value is not 32 bytes: %q", c.Value)
	case !c.HTTPOnly || c.Secure != (s.cert != nil) || c.SameSite != network.CookieSameSiteLax:
		p.t.Errorf("the session cookie: HttpOnly %v, Secure %v, SameSite %s", c.HTTPOnly, c.Secure, c.SameSite)
	case c.Path != "/" || c.Domain != "app.localhost":
		p.t.Errorf("the session cookie: path %q, domain %q", c.Path, c.Domain)
	}
	var readable string
	if p.eval(`document.cookie`, &readable); readable != "" {
		p.t.Errorf("scripts can read %q", readable)
	}
}
