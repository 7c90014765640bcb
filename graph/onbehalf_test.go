package graph_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

const (
	apiURI   = "api://00001111-aaaa-2222-bbbb-3333cccc4444"
	apiScope = apiURI + "/access_as_user"
)

// callee is an API that calls Graph on behalf of its callers.
type callee struct {
	*site
	t *testing.T
}

func newCallee(t *testing.T, change func(*fibermsal.Config), options ...entratest.Option) callee {
	t.Helper()
	s := newSite(t, change, append(options, entratest.WithAPI(entratest.API{URI: apiURI, Scopes: []string{"access_as_user"}}))...)
	s.entra.GrantAdminConsent("User.Read", "GroupMember.Read.All", "openid", "profile")
	s.app.Get("/me", fibermsal.RequireToken(), func(c *fiber.Ctx) error {
		me, err := graph.Me(c).Get(c.UserContext(), nil)
		if err != nil {
			return err
		}
		return c.SendString(*me.GetUserPrincipalName())
	})
	s.app.Get("/manager", fibermsal.RequireToken(), func(c *fiber.Ctx) error {
		_, err := graph.Me(c).Manager().Get(c.UserContext(), nil)
		return err
	})
	s.app.Get("/raw", fibermsal.RequireToken(), func(c *fiber.Ctx) error {
		var me struct{ UserPrincipalName string }
		if err := graph.Call(c.UserContext(), graph.Adapter(c), http.MethodGet, "/me", nil, &me); err != nil {
			return err
		}
		return c.SendString(me.UserPrincipalName)
	})
	return callee{s, t}
}

// call calls a route with an access token.
func (s callee) call(path, token string) *browsertest.Answer {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	r.Host = strings.TrimPrefix(publicURL, "https://")
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := s.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	a := browsertest.Read(s.t, response)
	s.seen.Note(a)
	return a
}

// exchanges returns the number of on-behalf-of calls that Entra has received.
func (s callee) exchanges() (calls int) {
	for _, r := range s.entra.Requests(entratest.Token) {
		if strings.HasSuffix(r.Form.Get("grant_type"), "jwt-bearer") {
			calls++
		}
	}
	return calls
}

// claimsOf returns the claims of a challenge, from its body.
func claimsOf(t *testing.T, a *browsertest.Answer) string {
	t.Helper()
	var body struct{ Claims string }
	if err := json.Unmarshal([]byte(a.Text), &body); err != nil {
		t.Errorf("%v: %s", err, a.Text)
	}
	if body.Claims != "" && !strings.Contains(a.Header.Get("WWW-Authenticate"), `error="insufficient_claims"`) ||
		!strings.Contains(a.Header.Get("WWW-Authenticate"), base64.StdEncoding.EncodeToString([]byte(body.Claims))) {
		t.Errorf("the challenge is %q", a.Header.Get("WWW-Authenticate"))
	}
	return body.Claims
}

func TestOnBehalf_GraphAnswersAboutTheCaller(t *testing.T) {
	t.Parallel()
	s := newCallee(t, nil)
	users := s.entra.Users()[:4]
	var wait sync.WaitGroup
	for _, u := range users {
		token := s.entra.Issue(u.UPN, apiScope)
		for range 10 {
			for _, path := range []string{"/me", "/raw"} {
				wait.Go(func() {
					if a := s.call(path, token); a.Text != u.UPN {
						t.Errorf("%s of %s: %d %s\n%s", path, u.UPN, a.StatusCode, a.Text, s.log)
					}
				})
			}
		}
	}
	wait.Wait()
	if n := s.exchanges(); n != len(users) {
		t.Errorf("%d token calls for %d callers", n, len(users))
	}
}

// If Graph has requirements for the user, the client must meet them, and a new exchange would not help.
func TestOnBehalf_ClaimsThatGraphRequiresReachTheClient(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		happens func(*entratest.Server)
		path    string
		claims  string
	}{
		"revoked":                   {func(e *entratest.Server) { e.Revoke(adele) }, "/me", `{"access_token":{"nbf":`},
		"disabled":                  {func(e *entratest.Server) { e.Disable(adele) }, "/raw", `{"access_token":{"nbf":`},
		"an authentication context": {func(e *entratest.Server) { e.RequireAuthContext("me/manager", "c1") }, "/manager", `{"access_token":{"acrs":`},
		"another one, of the SDK":   {func(e *entratest.Server) { e.RequireAuthContext("me", "c2") }, "/me", `"value":"c2"`},
		"another one, of Call":      {func(e *entratest.Server) { e.RequireAuthContext("me", "c2") }, "/raw", `"value":"c2"`},
	} {
		s := newCallee(t, nil)
		token := s.entra.Issue(adele, apiScope)
		if a := s.call("/me", token); a.Text != adele {
			t.Fatalf("%s: %d %s", name, a.StatusCode, a.Text)
		}
		row.happens(s.entra)
		for range 20 {
			if a := s.call(row.path, token); a.StatusCode != http.StatusUnauthorized || !strings.Contains(claimsOf(t, a), row.claims) {
				t.Errorf("%s: %d %s %v", name, a.StatusCode, a.Text, a.Header)
			}
		}
		if n := s.exchanges(); n != 1 {
			t.Errorf("%s: %d token calls", name, n)
		}
	}
}

// Graph may reject a token without a requirement. Another token is then tried, once per minute.
func TestOnBehalf_ATokenThatGraphRejectsIsReplacedOnce(t *testing.T) {
	for name, row := range map[string]struct {
		times, status, calls int
	}{
		"once":  {1, 200, 2},
		"twice": {2, 401, 2},
		"ever":  {0, 401, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newCallee(t, nil)
				token := s.entra.Issue(adele, apiScope)
				s.call("/me", token)
				s.entra.Fault(entratest.GraphMe, entratest.Fault{Times: row.times, Status: 401, Body: `{"error":{"code":"InvalidAuthenticationToken","message":"Access token validation failure."}}`})
				if a := s.call("/me", token); a.StatusCode != row.status || row.status == 401 && !strings.Contains(a.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
					t.Errorf("%d %s %v", a.StatusCode, a.Text, a.Header)
				}
				for range 50 {
					s.call("/me", token)
				}
				if n := s.exchanges(); n != row.calls {
					t.Errorf("%d token calls", n)
				}
				s.entra.ClearFaults()
				if a := s.call("/me", token); a.Text != adele {
					t.Errorf("afterwards: %d %s", a.StatusCode, a.Text)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

func TestOnBehalf_GroupsOfTheCallerAreThoseOfGraph(t *testing.T) {
	t.Parallel()
	s := newCallee(t, func(cfg *fibermsal.Config) {
		cfg.Groups, cfg.Scopes = graph.Groups, []string{"User.Read", "GroupMember.Read.All"}
	}, entratest.WithUsers(crowded()))
	shown := func(c *fiber.Ctx) error { return c.SendString("shown") }
	s.app.Get("/member", fibermsal.RequireToken(fibermsal.InGroup(groupID(249))), shown)
	s.app.Get("/stranger", fibermsal.RequireToken(fibermsal.InGroup(groupID(900))), shown)
	s.entra.TamperAccessToken(func(token *entratest.AccessToken) { delete(token.Claims, "groups") })
	token := s.entra.Issue("crowded@contoso.com", apiScope)
	for range 5 {
		for path, status := range map[string]int{"/member": 200, "/stranger": 403} {
			if a := s.call(path, token); a.StatusCode != status {
				t.Errorf("%s: %d %s\n%s", path, a.StatusCode, a.Text, s.log)
			}
		}
	}
	if n, lookups := s.exchanges(), s.entra.Count(entratest.GraphOther)+s.entra.Count(entratest.GraphGroups); n != 1 || lookups != 2 {
		t.Errorf("%d token calls, %d lookups", n, lookups)
	}
}
