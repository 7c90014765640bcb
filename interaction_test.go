package fibermsal_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// ways are how the same URL can be asked for.
var ways = map[string]func(path string) *http.Request{
	"navigation": func(path string) *http.Request { return navigation(http.MethodGet, path) },
	"fetch": func(path string) *http.Request {
		r := request(http.MethodGet, path, "")
		r.Header.Set("Sec-Fetch-Mode", "cors")
		r.Header.Set("Sec-Fetch-Dest", "empty")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Accept", "*/*")
		return r
	},
	"POST of a form": func(path string) *http.Request { return navigation(http.MethodPost, path) },
	"no headers":     func(path string) *http.Request { return request(http.MethodGet, path, "") },
	"XMLHttpRequest of an old browser": func(path string) *http.Request {
		r := request(http.MethodGet, path, "")
		r.Header.Set("Accept", "text/html")
		r.Header.Set("X-Requested-With", "XMLHttpRequest")
		return r
	},
	"old browser": func(path string) *http.Request {
		r := request(http.MethodGet, path, "")
		r.Header.Set("Accept", "text/html,application/xhtml+xml")
		return r
	},
}

func navigation(method, path string) *http.Request {
	r := request(method, path, "")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	return r
}

// redirected are the ways whose user can be sent to sign in.
var redirected = map[string]bool{"navigation": true, "old browser": true}

const otherAPI = "api://orders/Orders.Read"

// newInteractiveSite has a page for each reason to send somebody to sign in.
func newInteractiveSite(t *testing.T, idp *entratest.Server, change ...func(*fibermsal.Config)) *site {
	t.Helper()
	s := newSite(t, idp, change...)
	page := func(path string, handlers ...fiber.Handler) {
		s.app.All(path, append(handlers, func(c *fiber.Ctx) error { return c.SendString("shown") })...)
	}
	token := func(options policy.TokenRequestOptions) fiber.Handler {
		return func(c *fiber.Ctx) error {
			if _, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), options); err != nil {
				return fmt.Errorf("the app's own words: %w", err)
			}
			return c.Next()
		}
	}
	page("/signed-in", fibermsal.Require())
	page("/scope", fibermsal.Require(fibermsal.HasScope("Mail.Read")))
	page("/token-of-scope", token(policy.TokenRequestOptions{Scopes: []string{"Calendars.Read"}}))
	page("/token-of-api", token(policy.TokenRequestOptions{Scopes: []string{otherAPI}}))
	page("/max-age", fibermsal.Require(fibermsal.MaxAge(5*time.Minute)))
	page("/step-up", fibermsal.Require(fibermsal.AuthContext("c1")))
	page("/challenge", func(*fiber.Ctx) error {
		return fibermsal.ClaimsChallenge(`{"access_token":{"nbf":{"essential":true,"value":"1635527790"}}}`)
	})
	page("/role", fibermsal.Require(fibermsal.HasRole("Admin")))
	page("/group", fibermsal.Require(fibermsal.InGroup("11111111-1111-1111-1111-111111111111")))
	page("/own", func(*fiber.Ctx) error { return fibermsal.ErrForbidden })
	return s
}

func TestInteraction_IsARedirectForPagesAndAnAnswerForPrograms(t *testing.T) {
	synctest.Test(t, testInteractionAnswers)
}

func testInteractionAnswers(t *testing.T) {
	s := newInteractiveSite(t, newIDP(t, entratest.WithScopes(otherAPI)))
	b := s.browser()
	b.signIn(adele)
	time.Sleep(10 * time.Minute)
	stranger := s.browser()
	for path, row := range map[string]struct {
		who    *browser
		status int
		code   string
		sealed bool // the login URL names what is asked for
	}{
		"/signed-in":      {stranger, 401, "login_required", false},
		"/scope":          {b, 403, "consent_required", true},
		"/token-of-scope": {b, 403, "consent_required", true},
		"/token-of-api":   {b, 403, "consent_required", true},
		"/max-age":        {b, 401, "claims_challenge", true},
		"/step-up":        {b, 401, "claims_challenge", true},
		"/challenge":      {b, 401, "claims_challenge", true},
	} {
		for way, ask := range ways {
			target := path + "?q=1%202&x=%2F"
			a := row.who.do(ask(target))
			if redirected[way] {
				to, err := url.Parse(a.location())
				if err != nil || a.StatusCode != http.StatusSeeOther || to.Path != "/user/login" || to.Query().Get("to") != target ||
					(to.Query().Get("ask") != "") != row.sealed || a.Header.Get("Cache-Control") != "no-store, private" {
					t.Errorf("%s by %s: %d to %q", path, way, a.StatusCode, a.location())
				}
				continue
			}
			if a.StatusCode != row.status || a.location() != "" {
				t.Errorf("%s by %s: status %d, Location %q", path, way, a.StatusCode, a.location())
			}
			if way == "POST of a form" || way == "XMLHttpRequest of an old browser" {
				if !strings.Contains(a.Header.Get("Content-Type"), "text/html") || !strings.Contains(a.body, `href="/user/login`) {
					t.Errorf("%s by %s: %s", path, way, a.body)
				}
				continue
			}
			p := a.json(t)
			login, _ := p["login_url"].(string)
			if a.Header.Get("Content-Type") != "application/problem+json" || p["code"] != row.code || p["correlation_id"] == "" ||
				!strings.HasPrefix(login, "/user/login") || strings.Contains(login, "ask=") != row.sealed {
				t.Errorf("%s by %s: %s", path, way, a.body)
			}
		}
	}
}

func TestInteraction_RefusalsLeadNowhere(t *testing.T) {
	t.Parallel()
	b := newInteractiveSite(t, newIDP(t)).browser()
	b.signIn(adele)
	for _, path := range []string{"/role", "/group", "/own"} {
		for way, ask := range ways {
			if a := b.do(ask(path)); a.StatusCode != http.StatusForbidden || a.location() != "" || strings.Contains(a.body, "shown") {
				t.Errorf("%s by %s: %d %q %s", path, way, a.StatusCode, a.location(), a.body)
			}
		}
	}
}

// follow plays a browser that is sent from a page to Entra and back.
func (b *browser) follow(path, login string) (authorize url.Values, landed *answer) {
	b.t.Helper()
	a := b.navigate(path)
	if a.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("%s: status %d\n%s", path, a.StatusCode, a.body)
	}
	authorizeURL := b.navigate(a.location()).location()
	u, err := url.Parse(authorizeURL)
	if err != nil {
		b.t.Fatal(err)
	}
	back := b.do(b.approve(authorizeURL, login).Request())
	if back.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("the way back to %s: status %d\n%s\n%s", path, back.StatusCode, back.body, b.log)
	}
	return u.Query(), b.navigate(back.location())
}

func TestInteraction_SignInBringsWhatWasAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInteractiveSite(t, newIDP(t, entratest.WithScopes(otherAPI))).browser()
		b.signIn(adele)
		time.Sleep(10 * time.Minute)
		for path, want := range map[string]map[string]string{
			"/scope":          {"scope": "Mail.Read"},
			"/token-of-scope": {"scope": "Calendars.Read"},
			"/token-of-api":   {"scope": otherAPI},
			"/max-age":        {"max_age": "300", "prompt": "login", "claims": "auth_time"},
			"/step-up":        {"claims": `"acrs":{"essential":true,"value":"c1"}`},
		} {
			time.Sleep(10 * time.Minute)
			old := b.session()
			authorize, landed := b.follow(path+"?q=1%202", adele)
			for name, value := range want {
				if !strings.Contains(authorize.Get(name), value) {
					t.Errorf("%s: %s is %q", path, name, authorize.Get(name))
				}
			}
			if authorize.Get("login_hint") == "" || !strings.Contains(authorize.Get("claims"), "cp1") {
				t.Errorf("%s: authorize by %v", path, authorize)
			}
			if landed.StatusCode != http.StatusOK || landed.body != "shown" || b.session() == old {
				t.Errorf("%s afterwards: %d %q %s\n%s", path, landed.StatusCode, landed.location(), landed.body, b.log)
			}
			if b.user() != adele {
				t.Errorf("%s: %q is signed in", path, b.user())
			}
		}
	})
}

func TestInteraction_ScopesAreAskedForBesideDefault(t *testing.T) {
	t.Parallel()
	b := newInteractiveSite(t, newIDP(t, entratest.WithScopes(otherAPI)), func(cfg *fibermsal.Config) {
		cfg.Scopes = []string{"https://graph.microsoft.com/.default"}
	}).browser()
	b.signIn(adele)
	for path, scope := range map[string]string{"/scope": "Mail.Read", "/token-of-scope": "Calendars.Read", "/token-of-api": otherAPI} {
		authorize, landed := b.follow(path, adele) // Entra takes no .default beside others
		if landed.body != "shown" || !strings.Contains(authorize.Get("scope"), scope) {
			t.Errorf("%s: asked for %q, then %d %s", path, authorize.Get("scope"), landed.StatusCode, landed.body)
		}
		if a := b.get("/token"); a.body != adele {
			t.Errorf("%s, then the token of Config: %d %s", path, a.StatusCode, a.body)
		}
	}
}

func TestB14_ClaimsOfAChallengeAreAskedForOnce(t *testing.T) {
	t.Parallel()
	b := newInteractiveSite(t, newIDP(t)).browser()
	b.signIn(adele)
	challenge := b.navigate("/challenge")
	claims := func(location string) string {
		u, err := url.Parse(b.navigate(location).location())
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("claims")
	}
	if got := claims(challenge.location()); !strings.Contains(got, `"nbf"`) || !strings.Contains(got, `"1635527790"`) {
		t.Errorf("claims %s", got)
	}
	if got := claims("/user/login"); strings.Contains(got, "nbf") {
		t.Errorf("a plain sign-in asks for the claims, too: %s", got)
	}
}

func TestB14_WhatCannotBeAskedForIsRefused(t *testing.T) {
	t.Parallel()
	// Without the library's own recover a panic would end the process.
	s := newSite(t, newIDP(t))
	s.app = fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	s.app.Use(recover.New(), s.auth.Handler())
	fibermsal.RegisterRoutes(s.app)
	b := s.browser()
	b.signIn(adele)
	challenge := func(claims string) fibermsal.Check {
		return func(*fiber.Ctx, *fibermsal.User) error { return fibermsal.ClaimsChallenge(claims) }
	}
	many := make([]string, 60)
	for i := range many {
		many[i] = fmt.Sprintf("Some.Scope%d", i)
	}
	for name, row := range map[string]struct {
		check  fibermsal.Check
		reason string // of the refusal; empty if there is a sign-in
	}{
		"a claim":             {challenge(`{"access_token":{"nbf":{"essential":true,"value":"1"}}}`), ""},
		"a claim of any kind": {challenge(`{"id_token":{"auth_time":null}}`), ""},
		"none of a token":     {challenge(`{"id_token":null}`), ""},
		"as many as fit":      {challenge(`{"access_token":{"capolids":{"values":["` + strings.Repeat("x", 600) + `"]}}}`), ""},
		"too many claims":     {challenge(`{"access_token":{"capolids":{"values":["` + strings.Repeat("x", 700) + `"]}}}`), "exceed 700 bytes"},
		"too many scopes":     {fibermsal.HasScope(many...), "exceed 700 bytes"},
		"null":                {challenge("null"), "decoded from base64"},
		"a list":              {challenge("[]"), "decoded from base64"},
		"a text":              {challenge("eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="), "decoded from base64"},
		"a number":            {challenge(`{"access_token":1}`), "decoded from base64"},
	} {
		s.app.Get("/"+url.PathEscape(name), fibermsal.Require(row.check))
		for _, way := range []string{"navigation", "fetch"} {
			a := b.do(ways[way]("/" + url.PathEscape(name)))
			if row.reason != "" {
				if a.StatusCode != http.StatusInternalServerError || a.location() != "" || !strings.Contains(s.log.String(), row.reason) {
					t.Errorf("%s by %s: %d to %q\n%s", name, way, a.StatusCode, a.location(), s.log)
				}
				continue
			}
			if way == "fetch" {
				continue
			}
			if to := b.navigate(a.location()); to.StatusCode != http.StatusSeeOther || !strings.Contains(to.location(), "/authorize") {
				t.Errorf("%s: %d to %q, then %d %.60q", name, a.StatusCode, a.location(), to.StatusCode, to.body)
			}
		}
	}
}

func TestB14_ManyConfiguredScopesLeaveRoomForAChallenge(t *testing.T) {
	t.Parallel()
	many := []string{"User.Read"}
	for i := range 60 {
		many = append(many, fmt.Sprintf("api.permission-%d", i))
	}
	var graphs []string
	for _, s := range many {
		graphs = append(graphs, "https://graph.microsoft.com/"+s)
	}
	s := newSite(t, newIDP(t, entratest.WithScopes(graphs...)), func(cfg *fibermsal.Config) { cfg.Scopes = many })
	s.app.Get("/api", func(c *fiber.Ctx) error {
		_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Claims: `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`})
		return err
	})
	s.app.Get("/mail", func(c *fiber.Ctx) error {
		_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Scopes: append([]string{"Mail.Read"}, many...)})
		return err
	})
	b := s.browser()
	b.signIn(adele)
	if authorize, _ := b.follow("/api", adele); !strings.Contains(authorize.Get("claims"), "nbf") {
		t.Errorf("claims %s", authorize.Get("claims"))
	}
	if authorize, landed := b.follow("/mail", adele); !strings.Contains(authorize.Get("scope"), "Mail.Read") || landed.StatusCode != http.StatusOK {
		t.Errorf("scopes %s, then %d", authorize.Get("scope"), landed.StatusCode)
	}
}

func TestB15_WhatTheHookMissesIsOfferedToBeAskedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.OnSignIn = func(ctx context.Context, in *fibermsal.SignIn) error {
			_, err := in.Credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"Mail.Read"}})
			return err
		}
	})
	b := s.browser()
	page := b.do(b.approve(b.start("/guarded"), adele).Request())
	_, link, _ := strings.Cut(page.body, `<a href="`)
	link, _, _ = strings.Cut(link, `"`)
	if page.StatusCode != http.StatusForbidden || !strings.HasPrefix(link, "/user/login?") {
		t.Fatalf("%d %q", page.StatusCode, link)
	}
	authorizeURL := b.navigate(html.UnescapeString(link)).location()
	if back := b.do(b.approve(authorizeURL, adele).Request()); back.location() != "/guarded" || b.user() != adele {
		t.Errorf("%d to %q, after %q", back.StatusCode, back.location(), authorizeURL)
	}
}

func TestB14_ClaimsThatEntraWantsOfACodeAreAskedFor(t *testing.T) {
	t.Parallel()
	refused := entratest.Fault{OAuth: &entratest.OAuthError{
		Error: "interaction_required", Codes: []int{50076}, Claims: `{"access_token":{"capolids":{"essential":true,"values":["the policy"]}}}`,
	}}
	for name, row := range map[string]struct {
		page string
		also string // in the claims
	}{
		"of a sign-in":  {"/signed-in?q=1", "xms_cc"},
		"of a step-up":  {"/step-up", `"value":"c1"`},
		"beside a hint": {"/step-up", `"value":"c1"`},
	} {
		s := newInteractiveSite(t, newIDP(t))
		if name == "beside a hint" {
			s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["login_hint"] = strings.Repeat("h", 600) })
		}
		b := s.browser()
		if name != "of a sign-in" {
			b.signIn(adele)
		}
		once := refused
		once.Times = 1
		s.idp.Fault(entratest.Token, once)
		authorizeURL := b.navigate(b.navigate(row.page).location()).location()
		again := b.do(b.approve(authorizeURL, adele).Request())
		u, err := url.Parse(again.location())
		if err != nil || again.StatusCode != http.StatusSeeOther || !strings.Contains(u.Query().Get("claims"), "the policy") ||
			!strings.Contains(u.Query().Get("claims"), row.also) {
			t.Fatalf("%s: %d to %q\n%s", name, again.StatusCode, again.location(), again.body)
		}
		back := b.do(b.approve(again.location(), adele).Request())
		if back.location() != row.page || b.navigate(back.location()).body != "shown" {
			t.Errorf("%s: at last %d to %q", name, back.StatusCode, back.location())
		}

		s.idp.Fault(entratest.Token, refused) // whatever the user does
		b = s.browser()
		a := b.navigate(b.navigate("/signed-in").location())
		rounds := 0
		for ; a.StatusCode == http.StatusSeeOther && rounds < 10; rounds++ {
			a = b.do(b.approve(a.location(), adele).Request())
		}
		if a.StatusCode != http.StatusForbidden || rounds > 4 || !strings.Contains(a.body, "did not help") || strings.Contains(a.body, "/user/login") {
			t.Errorf("%s, for ever: after %d rounds %d %s", name, rounds, a.StatusCode, a.body)
		}
	}
}

func TestA14_PagesOfTheLibraryLeadToNoneOfItsRoutes(t *testing.T) {
	t.Parallel()
	const code = "1.the-code-of-a-sign-in"
	s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.ResponseMode = fibermsal.Query })
	down := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.ResponseMode = fibermsal.Query })
	down.idp.Fault(entratest.Discovery, entratest.Fault{Status: http.StatusInternalServerError})
	for path, row := range map[string]struct {
		s  *site
		to string // of the sign-in that the page offers
	}{
		"/user/authorized?code=" + code + "&state=" + strings.Repeat("A", 43): {s, ""},
		"/user/authorized?error=access_denied":                                {s, ""},
		"/user/frontchannel-logout?sid=x":                                     {s, ""},
		"/user/login?to=/reports%3Fx=1":                                       {down, "/reports?x=1"},
		"/user/login?to=https://evil.example":                                 {down, ""},
	} {
		a := row.s.browser().navigate(path)
		_, link, _ := strings.Cut(a.body, `href="/user/login`)
		link, _, _ = strings.Cut(link, `"`)
		to, err := url.Parse(html.UnescapeString("/user/login" + link))
		if err != nil || a.StatusCode < http.StatusBadRequest || to.Query().Get("to") != row.to || strings.Contains(a.body, code) {
			t.Errorf("%s: %d, leads to %q", path, a.StatusCode, to.Query().Get("to"))
		}
	}
}

func TestA16_WhatIsAskedForCannotBeForged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newInteractiveSite(t, newIDP(t))
		b, other := s.browser(), s.browser()
		b.signIn(adele)
		other.signIn(alex)
		location := b.navigate("/scope").location()
		u, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		ask := u.Query().Get("ask")
		scopes := func(b *browser, ask string) string {
			to, err := url.Parse(b.navigate("/user/login?ask=" + ask).location())
			if err != nil {
				t.Fatal(err)
			}
			return to.Query().Get("scope")
		}
		if !strings.Contains(scopes(b, ask), "Mail.Read") {
			t.Error("the genuine one asks for nothing")
		}
		flipped := []byte(ask)
		flipped[len(flipped)/2] ^= 1
		for name, row := range map[string]struct {
			b   *browser
			ask string
		}{
			"changed": {b, string(flipped)}, "cut": {b, ask[:len(ask)-3]}, "empty": {b, ""}, "long": {b, strings.Repeat("A", 3000)},
			"plain text": {b, "Mail.Read"}, "of somebody else": {other, ask}, "nobody is signed in": {s.browser(), ask},
			"a cookie's value": {b, b.session()},
		} {
			if got := scopes(row.b, row.ask); strings.Contains(got, "Mail.Read") {
				t.Errorf("%s: scopes %q", name, got)
			}
		}
		time.Sleep(11 * time.Minute)
		if got := scopes(b, ask); strings.Contains(got, "Mail.Read") {
			t.Errorf("after eleven minutes: scopes %q", got)
		}
	})
}

func TestInteraction_LoopEndsWithAPageThatExplains(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	for round := range 3 {
		if authorize, landed := b.follow("/challenge?q=1", adele); round < 2 && landed.StatusCode != http.StatusSeeOther {
			t.Fatalf("round %d: %d, %v", round, landed.StatusCode, authorize)
		} else if round == 2 {
			if landed.StatusCode != http.StatusForbidden || !strings.Contains(landed.body, "did not help") || !strings.Contains(landed.body, "Reference") {
				t.Errorf("after three sign-ins: %d %q %s", landed.StatusCode, landed.location(), landed.body)
			}
		}
	}
	if !strings.Contains(s.log.String(), `"code":"sign_in_loop"`) {
		t.Errorf("the log is silent: %s", s.log)
	}
	if a := b.navigate("/scope"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("another page is caught in it: %d", a.StatusCode)
	}
}

func TestB14_PagesTooLongToComeBackToDoNotLoop(t *testing.T) {
	t.Parallel()
	for _, length := range []int{500, 1100, 1900, 2500, 3000} {
		s := newInteractiveSite(t, newIDP(t))
		b := s.browser()
		b.signIn(adele)
		page := "/challenge?q=" + strings.Repeat("x", length)
		var a *answer
		for range 4 { // the app's home page leads here, say
			if a = b.navigate(page); a.StatusCode != http.StatusSeeOther {
				break
			}
			back := b.do(b.approve(b.navigate(a.location()).location(), adele).Request())
			if back.StatusCode != http.StatusSeeOther || (back.location() != page && back.location() != "/") {
				t.Fatalf("%d bytes: back by %d to %q", length, back.StatusCode, back.location())
			}
			b.navigate("/")
		}
		if a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "did not help") {
			t.Errorf("%d bytes, after three sign-ins: %d to %.40q", length, a.StatusCode, a.location())
		}
		if a := b.navigate(page + "y"); a.StatusCode != http.StatusSeeOther {
			t.Errorf("%d bytes: another page is caught in it: %d", length, a.StatusCode)
		}
	}
}

func TestB14_PagesThatOnlyRedirectHaveNotBeenSeen(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	visits := 0
	s.app.Get("/bounce", func(c *fiber.Ctx) error {
		if visits++; visits%2 == 1 {
			return fibermsal.ClaimsChallenge(`{"access_token":{"nbf":null}}`)
		}
		fibermsal.FromContext(c)
		return c.Redirect("/bounced")
	})
	s.app.Get("/bounced", func(c *fiber.Ctx) error { return c.Redirect("/bounce") })
	b := s.browser()
	b.signIn(adele)
	for range 4 {
		a := b.navigate("/bounce")
		if a.StatusCode == http.StatusForbidden {
			return
		}
		b.do(b.approve(b.navigate(a.location()).location(), adele).Request())
		b.navigate("/bounce")
		b.navigate("/bounced")
	}
	t.Error("round and round")
}

func TestB14_ClientWithoutCookiesComesToNoSecondRound(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	forgetful := func(r *http.Request) *answer { return s.browser().do(r) }
	a := forgetful(navigation(http.MethodGet, "/challenge"))
	a = forgetful(navigation(http.MethodGet, a.location()))
	a = forgetful(s.browser().approve(a.location(), adele).Request())
	if a.StatusCode != http.StatusBadRequest || a.location() != "" || s.idp.Count(entratest.Token) != 0 {
		t.Errorf("%d to %q, %d token calls", a.StatusCode, a.location(), s.idp.Count(entratest.Token))
	}
}

func TestInteraction_SuccessfulPagesAreNoLoop(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	s.app.Get("/start", fibermsal.Require(), func(c *fiber.Ctx) error { return c.Redirect("/signed-in") })
	b := s.browser()
	for path, status := range map[string]int{"/signed-in?tab=1": http.StatusOK, "/start": http.StatusFound} {
		for range 6 {
			if _, landed := b.follow(path, adele); landed.StatusCode != status {
				t.Fatalf("%s: %d %s", path, landed.StatusCode, landed.body)
			}
			b.do(request(http.MethodPost, "/user/logout", ""))
		}
	}
}

func TestInteraction_ManyTabsAreNoLoop(t *testing.T) {
	t.Parallel()
	b := newInteractiveSite(t, newIDP(t)).browser()
	var sent []string
	for tab := range 6 {
		sent = append(sent, b.navigate(b.navigate(fmt.Sprintf("/signed-in?tab=%d", tab)).location()).location())
	}
	for tab, authorizeURL := range sent {
		back := b.do(b.approve(authorizeURL, adele).Request())
		if a := b.navigate(back.location()); a.body != "shown" {
			t.Errorf("tab %d: %d %s", tab, a.StatusCode, a.body)
		}
	}
}

func TestInteraction_SilentSignInIsFollowedByOneWithTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t, entratest.WithAccessTokenLifetime(time.Hour)))
		b := s.browser()
		b.signIn(adele)
		s.idp.Fault(entratest.Token, entratest.Fault{Times: 1, OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{50173}, Suberror: "bad_token"}})
		time.Sleep(6 * time.Hour)
		b.user()
		time.Sleep(6 * time.Hour)
		b.user()
		time.Sleep(6 * time.Hour)
		b.user()
		time.Sleep(5 * time.Hour)
		silent := b.navigate("/token?q=1")
		u, err := url.Parse(b.navigate(silent.location()).location())
		if err != nil || u.Query().Get("prompt") != "none" || u.Query().Get("login_hint") == "" {
			t.Fatalf("first %v", u)
		}
		refused := b.do(b.approve(u.String(), adele).Request()) // Entra knows nobody in this browser
		if refused.StatusCode != http.StatusSeeOther || !strings.HasPrefix(refused.location(), "/user/login?") {
			t.Fatalf("then %d %s", refused.StatusCode, refused.body)
		}
		again, err := url.Parse(b.navigate(refused.location()).location())
		if err != nil || again.Query().Get("prompt") != "" {
			t.Fatalf("then %v", again)
		}
		back := b.do(b.approve(again.String(), adele).Request())
		if back.location() != "/token?q=1" || b.navigate(back.location()).body != adele {
			t.Errorf("at last %q\n%s", back.location(), s.log)
		}
	})
}

func TestInteraction_SilentSignInOfSomebodyElseNeedsTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t, entratest.WithAccessTokenLifetime(time.Hour)))
		b := s.browser()
		b.signIn(adele)
		sso := s.idp.NewBrowser()
		if _, err := sso.SignIn(s.browser().start(""), alex); err != nil { // alex's session at Entra
			t.Fatal(err)
		}
		s.idp.Revoke(adele)
		time.Sleep(2 * time.Hour)
		u, err := url.Parse(b.navigate(b.navigate("/token").location()).location())
		if err != nil || u.Query().Get("prompt") != "none" {
			t.Fatalf("%v", u)
		}
		q := u.Query()
		q.Del("login_hint") // somebody changed it, or Entra takes no notice
		u.RawQuery = q.Encode()
		response, err := sso.SignIn(u.String(), alex)
		if err != nil || response.Values.Get("code") == "" {
			t.Fatalf("%v, %v", response, err)
		}
		back := b.do(response.Request())
		if !strings.HasPrefix(back.location(), "/user/login?") || b.user() != adele {
			t.Errorf("to %q as %q", back.location(), b.user())
		}
	})
}

func TestD13_SilentSignInDoesNotBringBackTheFormerUser(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.app.Get("/broken", func(c *fiber.Ctx) error { fibermsal.FromContext(c); return fibermsal.ErrLoginRequired })
	b, sso := s.browser(), s.idp.NewBrowser()
	b.signIn(adele)
	if _, err := sso.SignIn(b.start(""), adele); err != nil {
		t.Fatal(err)
	}
	silent, err := sso.SignIn(b.navigate(b.navigate("/broken").location()).location(), adele)
	if err != nil || silent.Values.Get("code") == "" {
		t.Fatalf("%v, %v", silent, err)
	}
	b.signIn(alex) // in another tab
	if a := b.do(silent.Request()); b.user() != alex || !strings.HasPrefix(a.location(), "/user/login") {
		t.Errorf("without a word %q is signed in, to %q", b.user(), a.location())
	}
}

func TestMaxAge_IsNotToBeTalkedOutOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newInteractiveSite(t, newIDP(t))
		for name, row := range map[string]struct {
			claim  any
			reason string
		}{
			"an hour old": {float64(time.Now().Add(-time.Hour).Unix()), "not_reauthenticated"},
			"not told":    {nil, "auth_time_missing"},
			"no number":   {"now", "id_token_malformed"},
		} {
			b := s.browser()
			b.signIn(adele)
			time.Sleep(10 * time.Minute)
			authorizeURL := b.navigate(b.navigate("/max-age").location()).location()
			s.idp.TamperIDToken(func(token *entratest.IDToken) {
				token.Claims["auth_time"] = row.claim
				if row.claim == nil {
					delete(token.Claims, "auth_time")
				}
			})
			a := b.do(b.approve(authorizeURL, adele).Request())
			s.idp.TamperIDToken(nil)
			if a.StatusCode != http.StatusBadRequest || !strings.Contains(s.log.String(), `"reason":"`+row.reason+`"`) {
				t.Errorf("%s: %d %s\n%s", name, a.StatusCode, a.body, s.log)
			}
			if a := b.navigate("/max-age"); a.body == "shown" {
				t.Errorf("%s: let through", name)
			}
		}
	})
}

func TestMaxAge_IsTheSameForGuardAndSignIn(t *testing.T) {
	const limit = 5 * time.Minute // of /max-age
	for name, row := range map[string]struct {
		age    time.Duration
		passes bool
	}{
		"just in time":                {limit, true},
		"a second late":               {limit + time.Second, false},
		"late, within the clocks'":    {2*limit - time.Second, false},
		"in a future that clocks see": {-limit, true},
		"in the future":               {-limit - time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newInteractiveSite(t, newIDP(t))
				authenticated := func(age time.Duration) {
					at := float64(time.Now().Add(-age).Unix())
					s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["auth_time"] = at })
				}
				guarded := s.browser()
				authenticated(row.age)
				guarded.signIn(adele)
				if a := guarded.navigate("/max-age"); (a.body == "shown") != row.passes {
					t.Errorf("guard: %d %q", a.StatusCode, a.body)
				}
				late := s.browser()
				authenticated(time.Hour)
				late.signIn(adele)
				authorizeURL := late.navigate(late.navigate("/max-age").location()).location()
				authenticated(row.age)
				a := late.do(late.approve(authorizeURL, adele).Request())
				if (a.StatusCode == http.StatusSeeOther) != row.passes {
					t.Errorf("sign-in: %d", a.StatusCode)
				}
				if !row.passes && !strings.Contains(s.log.String(), "clock") {
					t.Errorf("the log does not tell what to look at: %s", s.log)
				}
			})
		})
	}
}

func TestAuthContext_MustBeInTheIDToken(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	authorizeURL := b.navigate(b.navigate("/step-up").location()).location()
	s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["acrs"] = []string{"c2"} })
	if a := b.do(b.approve(authorizeURL, adele).Request()); a.StatusCode != http.StatusBadRequest || !strings.Contains(s.log.String(), "auth_context_missing") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestInteraction_SignInOfSomebodyElseIsTheirs(t *testing.T) {
	t.Parallel()
	b := newInteractiveSite(t, newIDP(t)).browser()
	b.signIn(adele)
	if _, landed := b.follow("/scope", alex); landed.body != "shown" || b.user() != alex {
		t.Errorf("%d %s, %q is signed in", landed.StatusCode, landed.body, b.user())
	}
}

// Guards.

func pass(*fiber.Ctx, *fibermsal.User) error   { return nil }
func refuse(*fiber.Ctx, *fibermsal.User) error { return fibermsal.ErrForbidden }
func consent(c *fiber.Ctx, u *fibermsal.User) error {
	return fibermsal.HasScope("Mail.Read")(c, u)
}
func unavailable(*fiber.Ctx, *fibermsal.User) error { return fibermsal.ErrUnavailable }

var errOfTheApp = errors.New("the app's own")

func fail(*fiber.Ctx, *fibermsal.User) error { return errOfTheApp }

func TestGuards_Combine(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	rows := map[string]struct {
		check  fibermsal.Check
		status int
	}{
		"nothing":                      {fibermsal.All(), 200},
		"any of nothing":               {fibermsal.Any(), 403},
		"all pass":                     {fibermsal.All(pass, pass), 200},
		"one refuses":                  {fibermsal.All(pass, refuse), 403},
		"one passes":                   {fibermsal.Any(refuse, pass), 200},
		"none passes":                  {fibermsal.Any(refuse, refuse), 403},
		"passes although one fails":    {fibermsal.Any(fail, pass), 200},
		"fails, others refuse":         {fibermsal.Any(refuse, fail), 500},
		"unavailable beats consent":    {fibermsal.Any(consent, unavailable, refuse), 503},
		"consent beats refusal":        {fibermsal.Any(refuse, consent), 403},
		"any in all":                   {fibermsal.All(pass, fibermsal.Any(refuse, pass)), 200},
		"all in any":                   {fibermsal.Any(fibermsal.All(pass, refuse), fibermsal.All(pass, pass)), 200},
		"none of them passes":          {fibermsal.Any(fibermsal.All(pass, refuse), fibermsal.Any()), 403},
		"a role that is there":         {fibermsal.HasRole("Nobody", "Reader"), 200},
		"a role that is not there":     {fibermsal.HasRole("reader"), 403},
		"no role":                      {fibermsal.HasRole(), 403},
		"scopes granted":               {fibermsal.HasScope("user.read"), 200},
		"scopes granted, written long": {fibermsal.HasScope("https://graph.entra.test/User.Read"), 200},
		"scope not granted":            {fibermsal.HasScope("User.Read", "Mail.Read"), 403},
	}
	for name, row := range rows {
		s.app.All("/"+strings.ReplaceAll(name, " ", "-"), fibermsal.Require(row.check), func(c *fiber.Ctx) error { return c.SendString("shown") })
	}
	b := s.browser()
	s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["roles"] = []string{"Reader"} })
	b.signIn(adele)
	for name, row := range rows {
		path := "/" + strings.ReplaceAll(name, " ", "-")
		for way, ask := range ways {
			a := b.do(ask(path))
			want := row.status
			if (name == "consent beats refusal" || name == "scope not granted") && redirected[way] {
				want = http.StatusSeeOther
			}
			if a.StatusCode != want || (a.body == "shown") != (want == http.StatusOK) {
				t.Errorf("%s by %s: %d %s", name, way, a.StatusCode, a.body)
			}
		}
		if a := s.browser().get(path); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s for a stranger: %d", name, a.StatusCode)
		}
	}
}

func TestGuards_ChecksOfNothingLetNobodyThrough(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	for i, check := range []fibermsal.Check{
		fibermsal.HasScope(), fibermsal.HasScope(""), fibermsal.HasScope("User.Read", " "),
		fibermsal.HasScope("openid"), fibermsal.HasScope("openid profile"), fibermsal.HasScope("https://graph.microsoft.com/openid"),
		fibermsal.HasScope(".default"), fibermsal.HasScope(".Default"), fibermsal.HasScope("https://graph.microsoft.com/.DEFAULT"),
		fibermsal.HasScope("User.Read https://graph.entra.test/.default"),
		fibermsal.HasRole(), fibermsal.HasRole(""), fibermsal.InGroup(), fibermsal.InGroup(""), fibermsal.AuthContext(""),
		fibermsal.Any(),
	} {
		path := fmt.Sprintf("/nothing%d", i)
		s.app.Get(path, fibermsal.Require(check), func(c *fiber.Ctx) error { return c.SendString("shown") })
		if a := b.do(ways["fetch"](path)); a.body == "shown" {
			t.Errorf("row %d: let through", i)
		}
	}
}

const (
	inGroup  = "22222222-2222-2222-2222-22222222aaaa"
	notGroup = "33333333-3333-3333-3333-333333333333"
)

func TestB12_GroupsFailClosed(t *testing.T) {
	t.Parallel()
	type asked = func(context.Context, azcore.TokenCredential, []string) ([]string, error)
	calls := map[string]int{}
	resolver := func(name string, of []string, err error) asked {
		return func(ctx context.Context, user azcore.TokenCredential, _ []string) ([]string, error) {
			calls[name]++
			if token, tokenErr := user.GetToken(ctx, policy.TokenRequestOptions{}); tokenErr != nil || token.Token == "" {
				t.Errorf("%s: no token for the resolver: %v", name, tokenErr)
			}
			return of, err
		}
	}
	none := func(claims map[string]any) { delete(claims, "groups") }
	overage := func(claims map[string]any) {
		delete(claims, "groups")
		claims["_claim_names"] = map[string]string{"groups": "src1"}
		claims["_claim_sources"] = map[string]any{"src1": map[string]string{"endpoint": "https://graph.windows.net/t/users/o/getMemberObjects"}}
	}
	for name, row := range map[string]struct {
		claims   func(map[string]any)
		resolver asked
		status   int
		calls    int
	}{
		"named":                 {func(c map[string]any) { c["groups"] = []string{notGroup, strings.ToUpper(inGroup)} }, nil, 200, 0},
		"not named":             {func(c map[string]any) { c["groups"] = []string{notGroup} }, resolver("not named", []string{inGroup}, nil), 403, 0},
		"no claim":              {none, nil, 403, 0},
		"too many":              {overage, nil, 403, 0},
		"too many, implicit":    {func(c map[string]any) { none(c); c["hasgroups"] = true }, nil, 403, 0},
		"too many, member":      {overage, resolver("too many, member", []string{inGroup}, nil), 200, 1},
		"no claim, member":      {none, resolver("no claim, member", []string{strings.ToUpper(inGroup)}, nil), 200, 1},
		"no member":             {overage, resolver("no member", []string{notGroup}, nil), 403, 1},
		"nothing known":         {overage, resolver("nothing known", nil, nil), 403, 1},
		"fails":                 {overage, resolver("fails", []string{inGroup}, errOfTheApp), 503, 3},
		"refused by its policy": {overage, resolver("refused by its policy", nil, fibermsal.ErrForbidden), 403, 3},
	} {
		s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.Groups = row.resolver })
		s.app.Get("/group", fibermsal.Require(fibermsal.InGroup(strings.ToUpper(inGroup))), func(c *fiber.Ctx) error { return c.SendString("shown") })
		s.idp.TamperIDToken(func(token *entratest.IDToken) { row.claims(token.Claims) })
		b := s.browser()
		b.signIn(adele)
		for range 3 {
			if a := b.get("/group"); a.StatusCode != row.status || (a.body == "shown") != (row.status == http.StatusOK) {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
			}
		}
		if calls[name] != row.calls {
			t.Errorf("%s: asked %d times", name, calls[name])
		}
	}
}

func TestB12_ConcurrentChecksAskForGroupsOnce(t *testing.T) {
	for name, row := range map[string]struct {
		of     []string
		err    error
		panics bool
		status int
		calls  int32 // of two waves
	}{
		"member":    {of: []string{inGroup}, status: 200, calls: 1},
		"no member": {of: []string{notGroup}, status: 403, calls: 1},
		"fails":     {of: []string{inGroup}, err: errOfTheApp, status: 503, calls: 2},
		"panics":    {panics: true, status: 500, calls: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
					cfg.Groups = func(ctx context.Context, user azcore.TokenCredential, _ []string) ([]string, error) {
						calls.Add(1)
						time.Sleep(time.Second)
						if row.panics {
							panic("the app's own")
						}
						if _, err := user.GetToken(ctx, policy.TokenRequestOptions{}); err != nil {
							t.Error(err)
						}
						return row.of, row.err
					}
				})
				s.app.Get("/group", fibermsal.Require(fibermsal.InGroup(inGroup)), func(c *fiber.Ctx) error { return c.SendString("shown") })
				s.idp.TamperIDToken(func(token *entratest.IDToken) { delete(token.Claims, "groups") })
				b, other := s.browser(), s.browser()
				b.signIn(adele)
				other.signIn(alex)
				for range 2 {
					var wait sync.WaitGroup
					for range 50 {
						r := request(http.MethodGet, "/group", "")
						r.AddCookie(b.jar[sessionCookie])
						wait.Go(func() {
							if a := b.send(r); a.StatusCode != row.status || (a.body == "shown") != (row.status == http.StatusOK) {
								t.Errorf("%d %s", a.StatusCode, a.body)
							}
						})
					}
					wait.Wait()
				}
				if n := calls.Load(); n != row.calls {
					t.Errorf("asked %d times", n)
				}
				if other.get("/group"); calls.Load() != row.calls+1 {
					t.Error("another user was not asked about")
				}
			})
		})
	}
}

func TestB12_NobodyWaitsForGroupsLongerThanTheyWant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
			cfg.Groups = func(ctx context.Context, _ azcore.TokenCredential, _ []string) ([]string, error) {
				select {
				case <-time.After(3 * time.Second):
					return []string{inGroup}, nil
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
		})
		s.app.Get("/group/:patience", func(c *fiber.Ctx) error {
			patience, _ := time.ParseDuration(c.Params("patience"))
			ctx, cancel := context.WithTimeout(c.UserContext(), patience)
			defer cancel()
			c.SetUserContext(ctx)
			return c.Next()
		}, fibermsal.Require(fibermsal.InGroup(inGroup)), func(c *fiber.Ctx) error { return c.SendString("shown") })
		s.idp.TamperIDToken(func(token *entratest.IDToken) { delete(token.Claims, "groups") })
		b := s.browser()
		b.signIn(adele)
		var wait sync.WaitGroup
		for patience, want := range map[string]struct {
			status int
			after  time.Duration
		}{"100ms": {503, 100 * time.Millisecond}, "1s": {503, time.Second}, "1h": {200, 3 * time.Second}} {
			r := request(http.MethodGet, "/group/"+patience, "")
			r.AddCookie(b.jar[sessionCookie])
			wait.Go(func() {
				began := time.Now()
				if a := b.send(r); a.StatusCode != want.status || time.Since(began) != want.after {
					t.Errorf("%s: %d after %v", patience, a.StatusCode, time.Since(began))
				}
			})
		}
		wait.Wait()
	})
}

func TestB12_QuestionsAboutGroupsAreKeptApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
			cfg.Groups = func(context.Context, azcore.TokenCredential, []string) ([]string, error) {
				calls++
				return []string{inGroup}, nil
			}
		})
		shown := func(c *fiber.Ctx) error { return c.SendString("shown") }
		s.app.Get("/either", fibermsal.Require(fibermsal.InGroup(inGroup, notGroup)), shown)
		s.app.Get("/of", func(c *fiber.Ctx) error { return fibermsal.Require(fibermsal.InGroup(c.Query("id")))(c) }, shown)
		s.idp.TamperIDToken(func(token *entratest.IDToken) { delete(token.Claims, "groups") })
		b := s.browser()
		b.signIn(adele)
		if a := b.get("/either"); a.body != "shown" {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		if a := b.get("/of?id=" + inGroup + "%20" + notGroup); a.StatusCode != http.StatusForbidden {
			t.Errorf("a group that is none: %d", a.StatusCode)
		}
		for i := range 100 { // more than are remembered
			b.get(fmt.Sprintf("/of?id=%d", i))
		}
		time.Sleep(6 * time.Minute)
		calls = 0
		for range 10 {
			if a := b.get("/of?id=" + inGroup); a.body != "shown" {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		}
		if calls != 1 {
			t.Errorf("asked %d times, although what was remembered counts no longer", calls)
		}
	})
}

func TestB12_HugeClaimsDoNotReachTheCookie(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	many := make([]string, 1000)
	for i := range many {
		many[i] = fmt.Sprintf("%08d-0000-0000-0000-000000000000", i)
	}
	s.app.Get("/group", fibermsal.Require(fibermsal.InGroup(many[999])), func(c *fiber.Ctx) error { return c.SendString("shown") })
	s.idp.TamperIDToken(func(token *entratest.IDToken) {
		token.Claims["groups"] = many
		token.Claims["roles"] = many[:150]
	})
	b := s.browser()
	b.signIn(adele)
	if len(b.jar[sessionCookie].String()) > 200 || b.user() != adele {
		t.Errorf("cookie %d bytes, %q is signed in", len(b.jar[sessionCookie].String()), b.user())
	}
	if a := b.get("/group"); a.StatusCode != http.StatusForbidden && a.body != "shown" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// A page may want several things at once; each sign-in brings what is missing and keeps
// what was there.
func TestInteraction_PagesMayWantSeveralThings(t *testing.T) {
	for name, checks := range map[string][]fibermsal.Check{
		"two contexts":             {fibermsal.AuthContext("c1"), fibermsal.AuthContext("c2")},
		"context, scope and proof": {fibermsal.AuthContext("c1"), fibermsal.HasScope("Mail.Read"), fibermsal.MaxAge(5 * time.Minute)},
		"proof, scope and context": {fibermsal.MaxAge(5 * time.Minute), fibermsal.HasScope("Mail.Read"), fibermsal.AuthContext("c1")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, newIDP(t))
				s.app.Get("/page", fibermsal.Require(checks...), func(c *fiber.Ctx) error { return c.SendString("shown") })
				b, entra := s.browser(), s.idp.NewBrowser() // signed in at Entra, too
				visit := func(location string) string {
					response, err := entra.SignIn(b.navigate(location).location(), adele)
					if err != nil {
						t.Fatal(err)
					}
					return b.do(response.Request()).location()
				}
				visit("/user/login")
				time.Sleep(10 * time.Minute)
				at, signIns := b.navigate("/page"), 0
				for ; at.StatusCode == http.StatusSeeOther && signIns < 10; signIns++ {
					at = b.navigate(visit(at.location()))
				}
				if at.body != "shown" {
					t.Errorf("after %d sign-ins: %d %s", signIns, at.StatusCode, at.body)
				}
				t.Logf("%d sign-ins", signIns)
			})
		})
	}
}
