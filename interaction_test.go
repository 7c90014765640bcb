package fibermsal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// ways are the ways in which the same URL can be requested.
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

// redirected are the ways in which the user can be sent to the sign-in.
var redirected = map[string]bool{"navigation": true, "old browser": true}

const otherAPI = "api://orders/Orders.Read"

// newInteractiveSite returns a site with a page for each reason to send a user to the sign-in.
func newInteractiveSite(t *testing.T, idp *entratest.Server, change ...func(*fibermsal.Config)) *site {
	t.Helper()
	s := newSite(t, idp, change...)
	page := func(path string, handlers ...fiber.Handler) {
		routeAll(s.app, path, append(handlers, func(c *fiber.Ctx) error { return c.SendString("shown") })...)
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
	page("/max-age", fibermsal.Require(fibermsal.AuthenticatedWithin(5*time.Minute)))
	page("/step-up", fibermsal.Require(fibermsal.HasAuthContext("c1")))
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
		for way, send := range ways {
			target := path + "?q=1%202&x=%2F"
			a := row.who.Send(send(target))
			if redirected[way] {
				to, err := url.Parse(a.Location())
				if err != nil || a.StatusCode != http.StatusSeeOther || to.Path != "/user/login" || to.Query().Get("to") != target ||
					(to.Query().Get("ask") != "") != row.sealed || a.Header.Get("Cache-Control") != "no-store, private" {
					t.Errorf("%s by %s: %d to %q", path, way, a.StatusCode, a.Location())
				}
				continue
			}
			if a.StatusCode != row.status || a.Location() != "" {
				t.Errorf("%s by %s: status %d, Location %q", path, way, a.StatusCode, a.Location())
			}
			if way == "POST of a form" || way == "XMLHttpRequest of an old browser" {
				if !strings.Contains(a.Header.Get("Content-Type"), "text/html") || !strings.Contains(a.Text, `href="/user/login`) {
					t.Errorf("%s by %s: %s", path, way, a.Text)
				}
				continue
			}
			p := a.JSON(t)
			login, _ := p["login_url"].(string)
			if a.Header.Get("Content-Type") != "application/problem+json" || p["code"] != row.code || p["correlation_id"] == "" ||
				!strings.HasPrefix(login, "/user/login") || strings.Contains(login, "ask=") != row.sealed {
				t.Errorf("%s by %s: %s", path, way, a.Text)
			}
		}
	}
}

func TestInteraction_RefusalsLeadNowhere(t *testing.T) {
	t.Parallel()
	b := newInteractiveSite(t, newIDP(t)).browser()
	b.signIn(adele)
	for _, path := range []string{"/role", "/group", "/own"} {
		for way, send := range ways {
			if a := b.Send(send(path)); a.StatusCode != http.StatusForbidden || a.Location() != "" || strings.Contains(a.Text, "shown") {
				t.Errorf("%s by %s: %d %q %s", path, way, a.StatusCode, a.Location(), a.Text)
			}
		}
	}
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
			"/max-age":        {"prompt": "login", "claims": "auth_time"},
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
			if authorize.Has("max_age") { // beside prompt=login it shortens the id_token's life
				t.Errorf("%s: max_age is %q", path, authorize.Get("max_age"))
			}
			if authorize.Get("login_hint") == "" || !strings.Contains(authorize.Get("claims"), "cp1") {
				t.Errorf("%s: authorize by %v", path, authorize)
			}
			if landed.StatusCode != http.StatusOK || landed.Text != "shown" || b.session() == old {
				t.Errorf("%s afterwards: %d %q %s\n%s", path, landed.StatusCode, landed.Location(), landed.Text, b.log)
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
		if landed.Text != "shown" || !strings.Contains(authorize.Get("scope"), scope) {
			t.Errorf("%s: asked for %q, then %d %s", path, authorize.Get("scope"), landed.StatusCode, landed.Text)
		}
		if a := b.Get("/token"); a.Text != adele {
			t.Errorf("%s, then the token of Config: %d %s", path, a.StatusCode, a.Text)
		}
	}
}

func TestInteraction_SignInOfSomebodyElseIsTheirs(t *testing.T) {
	t.Parallel()
	b := newInteractiveSite(t, newIDP(t)).browser()
	b.signIn(adele)
	if _, landed := b.follow("/scope", alex); landed.Text != "shown" || b.user() != alex {
		t.Errorf("%d %s, %q is signed in", landed.StatusCode, landed.Text, b.user())
	}
}

// What one user has proved, another one in the same browser has not.
func TestD13_AnotherAccountInheritsNoStepUp(t *testing.T) {
	t.Parallel()
	b := newInteractiveSite(t, newIDP(t)).browser()
	b.signIn(adele)
	if _, landed := b.follow("/step-up", adele); landed.Text != "shown" {
		t.Fatalf("%d %s", landed.StatusCode, landed.Text)
	}
	if _, landed := b.follow("/scope", alex); landed.Text != "shown" || b.user() != alex { // for a page, so that it could inherit
		t.Fatalf("%d %s, %q is signed in", landed.StatusCode, landed.Text, b.user())
	}
	if a := b.Navigate("/step-up"); a.Text == "shown" {
		t.Error("the second user has passed the step-up of the first")
	}
}

// A page may have several requirements. Each sign-in adds what is missing and keeps what the session
// already has.
func TestInteraction_PagesMayWantSeveralThings(t *testing.T) {
	for name, checks := range map[string][]fibermsal.Check{
		"two contexts":             {fibermsal.HasAuthContext("c1"), fibermsal.HasAuthContext("c2")},
		"context, scope and proof": {fibermsal.HasAuthContext("c1"), fibermsal.HasScope("Mail.Read"), fibermsal.AuthenticatedWithin(5 * time.Minute)},
		"proof, scope and context": {fibermsal.AuthenticatedWithin(5 * time.Minute), fibermsal.HasScope("Mail.Read"), fibermsal.HasAuthContext("c1")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, newIDP(t))
				s.app.Get("/page", fibermsal.Require(checks...), func(c *fiber.Ctx) error { return c.SendString("shown") })
				b, entra := s.browser(), s.idp.NewBrowser() // signed in at Entra, too
				visit := func(location string) string {
					response, err := entra.SignIn(b.Navigate(location).Location(), adele)
					if err != nil {
						t.Fatal(err)
					}
					return b.Send(response.Request()).Location()
				}
				visit("/user/login")
				time.Sleep(10 * time.Minute)
				at, signIns := b.Navigate("/page"), 0
				for ; at.StatusCode == http.StatusSeeOther && signIns < 10; signIns++ {
					at = b.Navigate(visit(at.Location()))
				}
				if at.Text != "shown" {
					t.Errorf("after %d sign-ins: %d %s", signIns, at.StatusCode, at.Text)
				}
				t.Logf("%d sign-ins", signIns)
			})
		})
	}
}

func TestInteraction_DemandsOfOnePageAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		s.app.Get("/both", fibermsal.Require(fibermsal.HasAuthContext("c1"), fibermsal.HasAuthContext("c2")), func(c *fiber.Ctx) error { return c.SendString("shown") })
		b, sso := s.browser(), s.idp.NewBrowser()
		b.signIn(adele)
		for signIns := 0; ; signIns++ {
			a := b.Navigate("/both")
			if a.StatusCode != http.StatusSeeOther {
				if a.Text != "shown" || signIns > 2 {
					t.Errorf("after %d sign-ins: %d", signIns, a.StatusCode)
				}
				return
			}
			response, err := sso.SignIn(b.Navigate(a.Location()).Location(), adele)
			if err != nil {
				t.Fatal(err)
			}
			b.Send(response.Request())
		}
	})
}
