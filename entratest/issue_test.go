package entratest_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/fibermsal/fibermsal/entratest"
)

const agentName = "orders-agent@contoso.com"

// withAgents registers an API whose clients understand challenges, and the user account of an agent.
func withAgents(version int) []entratest.Option {
	agent := entratest.User{ID: "0a9b8c7d-0000-4000-8000-00000000000a", UPN: agentName, DisplayName: "Orders agent", Agent: true}
	return []entratest.Option{
		entratest.WithUsers(append(entratest.Users(), agent)...),
		entratest.WithAPI(entratest.API{URI: ordersURI, Version: version, Scopes: []string{"Orders.Read"}, Capable: true}),
		entratest.WithAppPermissions("User.Read.All", ordersURI+"/Orders.Process", ordersURI+"/Orders.List"),
	}
}

func TestIssueForApp_IsATokenOfClientCredentials(t *testing.T) {
	t.Parallel()
	for version := range 3 {
		s := newServer(t, withAgents(version)...)
		issued, asked := claims(t, s.IssueForApp(ordersURI+"/.default")), claims(t, text(t, redeem(t, s, appForm(s, "scope="+ordersURI+"/.default")).json(t)["access_token"]))
		if fmt.Sprint(issued["xms_cc"]) != "[cp1]" || asked["xms_cc"] != nil {
			t.Errorf("version %d: capabilities %v, %v", version, issued["xms_cc"], asked["xms_cc"])
		}
		for _, name := range []string{"aud", "iss", "sub", "oid", "tid", "idtyp", "roles", "scp", "azp", "appid", "appidacr", "azpacr", "ver", "idp"} {
			if fmt.Sprint(issued[name]) != fmt.Sprint(asked[name]) {
				t.Errorf("version %d: %s is %v, and of the token endpoint %v", version, name, issued[name], asked[name])
			}
		}
		raw := s.IssueForApp("https://graph.microsoft.com/.default")
		if _, ok := s.TokenUser(raw); ok || !slices.Contains(s.Secrets(), raw) {
			t.Errorf("version %d: Graph's token has a user, or is no secret", version)
		}
	}
}

func TestIssueForAgent_NamesTheAgent(t *testing.T) {
	t.Parallel()
	for version := range 3 {
		s := newServer(t, withAgents(version)...)
		client := map[bool]string{true: "appid", false: "azp"}[version == 1]
		for login, want := range map[string]map[string]any{
			"":        {"idtyp": "app", "xms_act_fct": "3 9 11", "xms_sub_fct": "9 3 11", "roles": []any{"Orders.List", "Orders.Process"}, "scp": nil},
			adeleName: {"idtyp": "user", "xms_act_fct": "3 9 11", "xms_sub_fct": "2 3", "roles": nil, "scp": "Orders.Read", "name": "Adele Vance"},
			agentName: {"idtyp": "user", "xms_act_fct": "3 9 11", "xms_sub_fct": "3 13", "scp": "Orders.Read", "name": "Orders agent"},
		} {
			scope := map[bool]string{true: "/.default", false: "/Orders.Read"}[login == ""]
			raw := s.IssueForAgent(login, ordersURI+scope)
			got := claims(t, raw)
			for name, value := range want {
				if fmt.Sprint(got[name]) != fmt.Sprint(value) {
					t.Errorf("version %d, %q: %s is %v, want %v", version, login, name, got[name], value)
				}
			}
			if got[client] == s.ClientID || got["xms_par_app_azp"] == nil || got["xms_par_app_azp"] == got[client] || (login == "") != (got["oid"] == got[client]) {
				t.Errorf("version %d, %q: client %v, blueprint %v", version, login, got[client], got["xms_par_app_azp"])
			}
			if owner, _ := s.TokenUser(raw); owner != login || !slices.Contains(s.Secrets(), raw) {
				t.Errorf("version %d, %q: the owner is %q, or it is no secret", version, login, owner)
			}
			verifyVersion(t, s, version, raw)
		}
	}
}

// verifyVersion verifies an access token for the orders by go-oidc.
func verifyVersion(t *testing.T, s *entratest.Server, version int, raw string) {
	t.Helper()
	if version == 1 {
		verifyV1(t, s, "https://sts.windows.net/"+s.TenantID+"/", ordersURI, raw)
	} else {
		verifyAccess(t, s, ordersID, raw)
	}
}

func TestIssue_PanicsAtMistakesOfATest(t *testing.T) {
	t.Parallel()
	s := newServer(t, withAgents(2)...)
	for name, issue := range map[string]func(){
		"an app with a scope":         func() { s.IssueForApp(ordersURI + "/Orders.Read") },
		"an app without an API":       func() { s.IssueForApp("api://nobody/.default") },
		"an agent without a scope":    func() { s.IssueForAgent("") },
		"an agent with two":           func() { s.IssueForAgent("", ordersURI+"/.default", "x") },
		"an agent for nobody":         func() { s.IssueForAgent("nobody@contoso.com", ordersURI+"/Orders.Read") },
		"an agent for a user, scopes": func() { s.IssueForAgent(adeleName, ordersURI+"/Orders.Nothing") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			issue()
		}()
	}
}

// An administrator who gives the API a key of its own changes the key of its access tokens, and ends its calls on
// behalf of users.
func TestUseAppSigningKey_SignsTheAccessTokensOfTheOwnAPI(t *testing.T) {
	t.Parallel()
	for version := range 3 {
		s := newServer(t, withOwnAPI(version))
		consented(t, s, adeleName, ownScope, "User.Read")
		before := s.Issue(adeleName, ownScope)
		s.UseAppSigningKey()
		own, other := s.Issue(adeleName, ownScope), s.Issue(adeleName, ordersURI+"/Orders.Read")
		for name, row := range map[string]struct {
			raw, query string
			good       bool
		}{
			"the app's own":              {own, "?appid=" + s.ClientID, true},
			"the app's own, all keys":    {own, "", false},
			"before":                     {before, "", true},
			"of another API":             {other, "", true},
			"of another API, app's keys": {other, "?appid=" + s.ClientID, false},
		} {
			keys := "/discovery/v2.0/keys"
			if version == 1 && row.raw != other {
				keys = "/discovery/keys"
			}
			set := oidc.NewRemoteKeySet(oidc.ClientContext(t.Context(), s.HTTPClient), s.Authority+keys+row.query)
			if _, err := set.VerifySignature(t.Context(), row.raw); (err == nil) != row.good {
				t.Errorf("version %d, %s: %v", version, name, err)
			}
		}
		wantError(t, redeem(t, s, oboForm(s, own)), 400, "invalid_grant", 50013, "")
	}
}

// The keys of version 1 name no issuer, so that one of another issuer could not be told apart.
func TestPublishForeignKey_IsNotOneOfVersion1(t *testing.T) {
	t.Parallel()
	s := newServer(t, withOwnAPI(1))
	s.PublishForeignKey()
	s.TamperAccessToken((*entratest.AccessToken).SignForeign)
	raw := s.Issue(adeleName, ownScope)
	for keys, good := range map[string]bool{"/discovery/v2.0/keys": true, "/discovery/keys": false} {
		set := oidc.NewRemoteKeySet(oidc.ClientContext(t.Context(), s.HTTPClient), s.Authority+keys)
		if _, err := set.VerifySignature(t.Context(), raw); (err == nil) != good {
			t.Errorf("%s: %v", keys, err)
		}
	}
}
