package fibermsal_test

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// failing adds routes whose handlers fail.
func (s apiSite) failing(errs map[string]error) {
	for name, err := range errs {
		s.app.Get("/api/fails/"+name, fibermsal.RequireToken(), func(*fiber.Ctx) error { return err })
	}
}

// Errors for which a browser gets a page or a redirect are sent to clients in a form that they
// understand.
func TestAPI_ErrorsOfHandlersAreAnswersForClients(t *testing.T) {
	t.Parallel()
	const claims = `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`
	errs := map[string]error{
		"signin": fibermsal.StartSignIn(fibermsal.SignInOptions{To: "/", Prompt: fibermsal.PromptLogin}), "signout": fibermsal.SignOut(fibermsal.SignOutOptions{}),
		"claims": fibermsal.ClaimsChallenge(claims), "login": fibermsal.ErrLoginRequired, "consent": fibermsal.ErrConsentRequired,
		"forbidden": fibermsal.ErrForbidden, "unavailable": fibermsal.ErrUnavailable, "wrapped": errors.Join(errors.New("x"), fibermsal.ErrForbidden),
	}
	for name, row := range map[string]struct {
		status    int
		challenge string
	}{
		"signin":      {401, `error="invalid_token"`},
		"signout":     {400, `error="invalid_request"`},
		"claims":      {401, `claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`},
		"login":       {401, `Bearer realm=`},
		"consent":     {403, `error="insufficient_scope"`},
		"forbidden":   {403, ""},
		"unavailable": {503, ""},
		"wrapped":     {403, ""},
	} {
		idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
		s := newAPI(t, idp)
		s.failing(errs)
		raw := idp.Issue(adele, apiScope)
		for _, headers := range [][]string{nil, {"Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}, {"HX-Request: true"}} {
			a := s.call("/api/fails/"+name, raw, headers...)
			challenge := a.Header.Get("WWW-Authenticate")
			if a.StatusCode != row.status || (row.challenge == "") != (challenge == "") || !strings.Contains(challenge, row.challenge) {
				t.Errorf("%s, %v: %d %q\n%s", name, headers, a.StatusCode, challenge, a.Text)
			}
			if a.Header.Get("Content-Type") != "application/problem+json" || a.Header.Get("Location") != "" || a.Header.Get("HX-Redirect") != "" || len(a.Cookies()) != 0 {
				t.Errorf("%s, %v: %v", name, headers, a.Header)
			}
		}
	}
}

// The app's functions render responses for people. Responses for clients are always written by the
// library.
func TestAPI_FunctionsOfTheAppDrawNoChallenges(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := newAPI(t, idp, func(cfg *fibermsal.Config) {
		cfg.ErrorHandler = func(c *fiber.Ctx, err error) error {
			var e *fibermsal.Error
			if !errors.As(err, &e) {
				return err
			}
			return c.Status(e.Status).SendString("by the app: " + e.Code)
		}
		cfg.Pages = func(c *fiber.Ctx, _ fibermsal.Page) error { return c.SendString("a page") }
	})
	s.failing(map[string]error{"unavailable": fibermsal.ErrUnavailable, "own": fiber.ErrForbidden, "signin": fibermsal.StartSignIn(fibermsal.SignInOptions{To: "/"})})
	user := idp.Issue(alex, apiScope)
	for _, row := range []struct {
		path, token string
		status      int
		byApp       bool
	}{
		{"/api/me", "", 401, false},
		{"/api/me", "x", 401, false},
		{"/api/me", "x y", 400, false},
		{"/api/scope", user, 403, false},
		{"/api/c1", user, 401, false},
		{"/api/fails/signin", user, 401, false},
		{"/api/role", user, 403, true},
		{"/api/fails/unavailable", user, 503, true},
	} {
		a := s.call(row.path, row.token, "Accept: text/html", "Sec-Fetch-Mode: navigate")
		if a.StatusCode != row.status || strings.HasPrefix(a.Text, "by the app: ") != row.byApp || strings.Contains(a.Text, "a page") {
			t.Errorf("%s: %d %s", row.path, a.StatusCode, a.Text)
		}
		if !row.byApp && (a.Header.Get("WWW-Authenticate") == "" || a.Header.Get("Content-Type") != "application/problem+json") {
			t.Errorf("%s: %v", row.path, a.Header)
		}
		if a.Header.Get("Cache-Control") == "" || !strings.Contains(a.Header.Get("Vary"), "Authorization") {
			t.Errorf("%s: may be cached: %v", row.path, a.Header)
		}
	}
	if a := s.call("/api/fails/own", user); a.StatusCode != 403 || strings.HasPrefix(a.Text, "by the app: ") || a.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("an error of the app's: %d %s %v", a.StatusCode, a.Text, a.Header)
	}
}

func TestAPI_GuardsWithinGuards(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)), entratest.WithAppPermissions(apiURI+"/Admin"))
	s := newAPI(t, idp)
	hello := func(c *fiber.Ctx) error {
		u, _ := fibermsal.FromContext(c)
		_, isToken := fibermsal.TokenFromContext(c)
		return c.JSON([]any{u.Username, isToken})
	}
	users, callers, sessions := fibermsal.RequireToken(), fibermsal.RequireFrom(fibermsal.UserTokens|fibermsal.AppTokens), fibermsal.RequireFrom(fibermsal.Sessions)
	admin := fibermsal.Require(fibermsal.HasRole("Admin"))
	s.app.Get("/nested/role", users, admin, hello)
	s.app.Get("/nested/app", callers, admin, fibermsal.RequireFrom(fibermsal.AppTokens), hello)
	s.app.Get("/nested/user", callers, users, hello)
	s.app.Get("/nested/scope", users, fibermsal.RequireToken(fibermsal.HasScope("Orders.Write")), hello)
	s.app.Get("/nested/session", users, sessions, hello)
	s.app.Get("/nested/token", fibermsal.Require(), users, hello)
	s.app.Get("/nested/passive", fibermsal.Passive(), users, hello)
	b := s.browser()
	b.signIn(adele)
	cookie := "Cookie: " + sessionCookie + "=" + b.Jar[sessionCookie].Value
	user, other, app := idp.Issue(adele, apiScope), idp.Issue(alex, apiScope), idp.IssueForApp(apiURI+"/.default")
	for _, row := range []struct {
		path, token, cookie string
		status              int
		says                string
	}{
		{"/nested/role", user, "", 200, `["` + adele + `",true]`},
		{"/nested/role", other, cookie, 403, `"code":"forbidden"`},
		{"/nested/role", "", cookie, 401, `"code":"login_required"`},
		{"/nested/app", app, "", 200, `["",true]`},
		{"/nested/app", user, "", 403, `"code":"forbidden"`},
		{"/nested/user", app, "", 403, `"code":"forbidden"`},
		{"/nested/user", user, "", 200, `["` + adele + `",true]`},
		{"/nested/scope", user, "", 403, `"code":"insufficient_scope"`},
		{"/nested/session", other, cookie, 200, `["` + adele + `",false]`}, // the inner guard names the session
		{"/nested/session", other, "", 401, `"code":"login_required"`},
		{"/nested/token", other, cookie, 200, `["` + alex + `",true]`},
		{"/nested/token", other, "", 401, `"code":"login_required"`},
		{"/nested/token", "", cookie, 401, `"code":"login_required"`},
		{"/nested/passive", user, "", 200, `["` + adele + `",true]`},
	} {
		var headers []string
		if row.cookie != "" {
			headers = []string{row.cookie}
		}
		if a := s.call(row.path, row.token, headers...); a.StatusCode != row.status || !strings.Contains(a.Text, row.says) {
			t.Errorf("%s, %d bytes of token, cookie %v: %d %s", row.path, len(row.token), row.cookie != "", a.StatusCode, a.Text)
		}
	}
}

// Each Auth accepts the tokens for its own API.
func TestAPI_TwoAuthsHaveTwoAPIs(t *testing.T) {
	t.Parallel()
	const second = "22221111-aaaa-2222-bbbb-3333cccc4444"
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	otherIDP := newIDP(t, entratest.WithClientID(second), entratest.WithAPI(entratest.API{URI: "api://" + second, Scopes: []string{"Read"}}))
	s := newAPI(t, idp)
	cfg := configFor(otherIDP)
	cfg.CookieName, cfg.RoutePrefix = "second", "/second"
	auth, err := fibermsal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	s.app.Get("/second/me", auth.Handler(), fibermsal.RequireToken(), func(c *fiber.Ctx) error {
		u, _ := fibermsal.FromContext(c)
		return c.SendString(u.Username)
	})
	first, other := idp.Issue(adele, apiScope), otherIDP.Issue(alex, "api://"+second+"/Read")
	for _, row := range []struct {
		path, token string
		status      int
	}{{"/api/me", first, 200}, {"/api/me", other, 401}, {"/second/me", other, 200}, {"/second/me", first, 401}, {"/second/me", "", 401}} {
		if a := s.call(row.path, row.token); a.StatusCode != row.status {
			t.Errorf("%s: %d %s", row.path, a.StatusCode, a.Text)
		}
	}
}

// Tokens need no storage, and a client is not the user of the cookie beside its token.
func TestAPI_TokensWorkWhileTheStorageFails(t *testing.T) {
	t.Parallel()
	for _, anonymous := range []bool{false, true} {
		l := newLedger()
		idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
		s := newAPI(t, idp, onLedger(l), func(cfg *fibermsal.Config) { cfg.AnonymousOnOutage = anonymous })
		s.app.Get("/maybe", func(c *fiber.Ctx) error {
			_, ok := fibermsal.FromContext(c)
			return c.JSON(ok)
		})
		b := s.browser()
		b.signIn(adele)
		cookie := "Cookie: " + sessionCookie + "=" + b.Jar[sessionCookie].Value
		before, _ := l.count()
		user := idp.Issue(alex, apiScope)
		s.call("/api/me", user)
		s.call("/both", user, cookie)
		l.fail(true, true)
		for _, row := range []struct {
			path, token, cookie string
			status              int
		}{
			{"/api/me", user, cookie, 200},
			{"/both", user, cookie, 200},
			{"/api/me", "x", cookie, 401},
			{"/both", "x", cookie, 401},
			{"/both", "", "X: y", 401},
			{"/api/me", "", cookie, 401},
		} {
			if a := s.call(row.path, row.token, row.cookie); a.StatusCode != row.status {
				t.Errorf("%s, %d bytes of token: %d %s", row.path, len(row.token), a.StatusCode, a.Text)
			}
		}
		if after, _ := l.count(); after != before {
			t.Errorf("%d reads of the storage", after-before)
		}
		if a := s.call("/both", "", cookie); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
			t.Errorf("the session: %d %s", a.StatusCode, a.Text)
		}
		if a := s.call("/maybe", user, cookie); (a.StatusCode == 200) != anonymous || anonymous && a.Text != "false" {
			t.Errorf("a page that asks for the user: %d %s", a.StatusCode, a.Text)
		}
	}
}

// Requests share the cached data of a token, and the buffers of their connections.
func TestAPI_ConcurrentClientsAreNotMixed(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, withAgent(2)...)
	s := newAPI(t, idp)
	client := s.serve()
	tokens := map[string]string{}
	for _, u := range entratest.Users()[:6] {
		tokens[u.UPN] = idp.Issue(u.UPN, apiScope)
	}
	var wait sync.WaitGroup
	for upn, raw := range tokens {
		for range 4 {
			wait.Go(func() {
				for range 25 {
					if status, body := fetchAs(t, client, raw); status != 200 || !strings.Contains(body, `"upn":"`+upn+`"`) {
						t.Errorf("%s: %d %s", upn, status, body)
					}
				}
			})
		}
	}
	wait.Wait()
}

func fetchAs(t *testing.T, client *http.Client, raw string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://app.example/api/me", http.NoBody)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	r.Header.Set("Authorization", "Bearer "+raw)
	resp, err := client.Do(r)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}
