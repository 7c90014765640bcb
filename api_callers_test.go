package fibermsal_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

const agentName = "orders-agent@contoso.com"

// tokenView is what a handler finds in a token.
type tokenView struct {
	User  fibermsal.User
	Token fibermsal.TokenInfo
	IDRel string
}

// withAgent registers the app's own API with permissions of its own, and the user account of an agent.
func withAgent(version int) []entratest.Option {
	api := ownAPI(version)
	api.Capable = true
	agent := entratest.User{ID: "0a9b8c7d-0000-4000-8000-00000000000a", UPN: agentName, DisplayName: "Orders agent", Agent: true}
	return []entratest.Option{
		entratest.WithAPI(api), entratest.WithAppPermissions(apiURI + "/Orders.Read.All"), entratest.WithUsers(append(entratest.Users(), agent)...),
	}
}

// view calls with a token and returns what the handler found.
func (s apiSite) view(raw string) (v tokenView) {
	s.t.Helper()
	a := s.call("/api/view", raw)
	if err := json.Unmarshal([]byte(a.Text), &v); err != nil {
		s.t.Errorf("%d %s", a.StatusCode, a.Text)
	}
	return v
}

func newViewer(t *testing.T, idp *entratest.Server, change ...func(*fibermsal.Config)) apiSite {
	t.Helper()
	s := newAPI(t, idp, change...)
	s.app.Get("/api/view", fibermsal.RequireFrom(fibermsal.UserTokens|fibermsal.AppTokens), func(c *fiber.Ctx) error {
		u, _ := fibermsal.FromContext(c)
		token, ok := fibermsal.TokenFromContext(c)
		if !ok {
			return fiber.ErrForbidden
		}
		v := tokenView{User: *u, Token: *token}
		if _, err := token.Claim("xms_idrel", &v.IDRel); err != nil {
			return err
		}
		return c.JSON(v)
	})
	return s
}

func TestAPI_HandlersSeeTheKindOfCaller(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		idp := newIDP(t, withAgent(version)...)
		s := newViewer(t, idp)
		all := apiURI + "/.default"
		for name, row := range map[string]struct {
			raw                     string
			app, agent              bool
			user, actor, sub, idrel string
		}{
			"a user":                 {idp.Issue(adele, apiScope), false, false, adele, "", "", ""},
			"an app":                 {idp.IssueForApp(all), true, false, "", "", "", ""},
			"an agent":               {idp.IssueForAgent("", all), true, true, "", "3 9 11", "9 3 11", "7 10"},
			"an agent for a user":    {idp.IssueForAgent(adele, apiScope), false, true, adele, "3 9 11", "2 3", "1 8"},
			"an agent's own account": {idp.IssueForAgent(agentName, apiScope), false, true, agentName, "3 9 11", "3 13", "1 8"},
		} {
			v := s.view(row.raw)
			got := fmt.Sprint(v.User.AppOnly, v.User.Agent, v.User.Username, v.Token.ActorFacets, v.Token.SubjectFacets, v.IDRel)
			want := fmt.Sprint(row.app, row.agent, row.user, strings.Fields(row.actor), strings.Fields(row.sub), row.idrel)
			if got != want {
				t.Errorf("version %d, %s: %s, want %s", version, name, got, want)
			}
			if v.User.ClientID != v.Token.ClientID || (v.User.ClientID == idp.ClientID) == row.agent || (v.Token.Blueprint != "") != row.agent {
				t.Errorf("version %d, %s: client %q, blueprint %q", version, name, v.User.ClientID, v.Token.Blueprint)
			}
			if fmt.Sprint(v.Token.Capabilities) != "[cp1]" || v.Token.Version != fmt.Sprintf("%d.0", version) || v.Token.ExpiresAt.Before(v.Token.IssuedAt) {
				t.Errorf("version %d, %s: %+v", version, name, v.Token)
			}
			if a := s.call("/api/me", row.raw); (a.StatusCode == 200) == row.app {
				t.Errorf("version %d, %s: a route for users: %d", version, name, a.StatusCode)
			}
			if a := s.call("/api/app", row.raw); (a.StatusCode == 200) != row.app {
				t.Errorf("version %d, %s: a route for apps: %d", version, name, a.StatusCode)
			}
		}
	}
}

// The scope of an agent that calls as itself may be a slash, which is no permission, and does not make it a user.
func TestAPI_UnscopedTokensAreNoUsers(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		api := ownAPI(version)
		api.NoIDType = true
		idp := newIDP(t, entratest.WithAPI(api), entratest.WithAppPermissions(apiURI+"/Orders.Read.All"))
		s := newAPI(t, idp)
		for change, want := range map[string]string{"roles": "200 403", "": "401 401"} {
			idp.TamperAccessToken(func(a *entratest.AccessToken) {
				a.Claims["scp"] = "/"
				if change == "" {
					delete(a.Claims, "roles")
				}
			})
			raw := idp.IssueForAgent("", apiURI+"/.default")
			if got := fmt.Sprint(s.call("/api/app", raw).StatusCode, s.call("/api/me", raw).StatusCode); got != want {
				t.Errorf("version %d, with %q: %s, want %s", version, change, got, want)
			}
		}
	}
}

// The facets are optional claims.
func TestAPI_AnAgentIsRecognisedByEachOfItsClaims(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, withAgent(2)...)
	s := newViewer(t, idp)
	for only, want := range map[string]bool{"xms_act_fct": true, "xms_sub_fct": true, "xms_par_app_azp": true, "xms_tnt_fct": false} {
		idp.TamperAccessToken(func(a *entratest.AccessToken) {
			for _, name := range []string{"xms_act_fct", "xms_sub_fct", "xms_par_app_azp"} {
				if name != only {
					delete(a.Claims, name)
				}
			}
		})
		if v := s.view(idp.IssueForAgent(agentName, apiScope)); v.User.Agent != want {
			t.Errorf("by %s: %v", only, v.User.Agent)
		}
	}
}

func TestAnyClientMayCall_IsForTokensWithoutPermissions(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		idp := newIDP(t, entratest.WithAPI(ownAPI(version)))
		s := newAPI(t, idp, func(cfg *fibermsal.Config) { cfg.AnyClientMayCall = true })
		if a := s.call("/api/app", idp.IssueForApp(apiURI+"/.default")); a.StatusCode != 200 {
			t.Errorf("version %d: an app: %d %s", version, a.StatusCode, a.Text)
		}
		if a := s.call("/api/role", idp.IssueForApp(apiURI+"/.default")); a.StatusCode != 403 {
			t.Errorf("version %d: an app without the role: %d", version, a.StatusCode)
		}
		for name, row := range map[string]struct {
			change func(*entratest.AccessToken)
			status int
		}{
			"a user without permissions": {changes(claim("scp", nil), claim("roles", nil)), 200},
			"an ID token":                {changes(claim("scp", nil), claim("roles", nil), claim("azp", nil), claim("appid", nil)), 401},
			"with a nonce":               {changes(claim("scp", nil), claim("roles", nil), claim("nonce", "n")), 401},
			"for another API":            {changes(claim("scp", nil), claim("aud", "other")), 401},
		} {
			idp.TamperAccessToken(row.change)
			if a := s.call("/api/me", idp.Issue(adele, apiScope)); a.StatusCode != row.status {
				t.Errorf("version %d: %s: %d %s", version, name, a.StatusCode, a.Text)
			}
		}
	}
}

// ID tokens of the same registration have the audience of its API.
func TestAPI_IDTokensAreRefused(t *testing.T) {
	t.Parallel()
	for name, nonce := range map[string]bool{"with its nonce": true, "without a nonce": false} {
		for _, anyClient := range []bool{false, true} {
			idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
			s := newAPI(t, idp, func(cfg *fibermsal.Config) { cfg.AnyClientMayCall = anyClient })
			raw := ""
			idp.TamperIDToken(func(token *entratest.IDToken) { // of a user with roles
				if !nonce {
					delete(token.Claims, "nonce")
				}
				a := &entratest.AccessToken{JWT: token.JWT}
				signText(a, asJSON(token.Header), asJSON(token.Claims))
				raw = a.Raw
			})
			b := s.browser()
			b.Send(b.approve(b.start(""), adele).Request())
			if a := s.call("/api/any", raw); raw == "" || a.StatusCode != 401 || !strings.Contains(a.Text, "invalid_token") {
				t.Errorf("%s, any client: %v: %d %s", name, anyClient, a.StatusCode, a.Text)
			}
		}
	}
}
