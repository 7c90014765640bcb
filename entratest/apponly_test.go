package entratest_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/fibermsal/fibermsal/entratest"
)

const (
	ordersID  = "0f0e0d0c-0000-4000-8000-000000000000"
	ordersURI = "api://" + ordersID
)

// appForm asks for a token of the application itself by its secret.
func appForm(s *entratest.Server, changes ...string) string {
	return assertionForm(s, "", append([]string{"client_assertion=", "client_assertion_type=", "client_secret=" + s.ClientSecret}, changes...)...)
}

func TestApp_token_is_of_the_application_itself(t *testing.T) {
	t.Parallel()
	s := newServer(t,
		entratest.WithAPI(entratest.API{URI: ordersURI}, entratest.API{URI: "https://other.example", Audience: "other"}),
		entratest.WithAppPermissions("User.Read.All", ordersURI+"/Orders.Read", ordersURI+"/Orders.Process"),
	)
	a := redeem(t, s, appForm(s))
	want := []string{"access_token", "expires_in", "ext_expires_in", "token_type"}
	if names := slices.Sorted(maps.Keys(a.json(t))); !slices.Equal(names, want) {
		t.Errorf("the answer has %v, want %v", names, want)
	}
	if _, ok := s.TokenUser(text(t, a.json(t)["access_token"])); ok {
		t.Error("the token has a user")
	}
	for scope, aud := range map[string]string{ordersURI: ordersID, ordersID: ordersID, "https://other.example": "other"} {
		got := verifyAccess(t, s, aud, text(t, redeem(t, s, appForm(s, "scope="+scope+"/.default openid profile offline_access")).json(t)["access_token"]))
		for name, want := range map[string]any{"idtyp": "app", "azp": s.ClientID, "azpacr": "1", "tid": s.TenantID, "ver": "2.0", "scp": nil, "name": nil, "sub": got["oid"]} {
			if got[name] != want {
				t.Errorf("%s: %s is %v, want %v", scope, name, got[name], want)
			}
		}
		roles, _ := got["roles"].([]any)
		if granted := len(roles) == 2 && roles[0] == "Orders.Process" && roles[1] == "Orders.Read"; granted != (aud == ordersID) {
			t.Errorf("%s: roles %v", scope, roles)
		}
	}
}

// verifyAccess checks an access token as its API would, with go-oidc.
func verifyAccess(t *testing.T, s *entratest.Server, audience, raw string) map[string]any {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), s.HTTPClient)
	provider, err := oidc.NewProvider(ctx, s.Authority+"/v2.0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: audience}).Verify(ctx, raw); err != nil {
		t.Fatal(err)
	}
	return claims(t, raw)
}

func TestApp_token_is_refused(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithAPI(entratest.API{URI: ordersURI, Scopes: []string{"access_as_user"}}))
	for name, tt := range map[string]struct {
		change, oauth string
		code          int
	}{
		"a delegated scope":   {"scope=User.Read", "invalid_scope", 1002012},
		"a long one":          {"scope=https://graph.microsoft.com/User.Read.All", "invalid_scope", 1002012},
		".default alone":      {"scope=.default", "invalid_scope", 1002012},
		"two resources":       {"scope=https://graph.microsoft.com/.default " + ordersURI + "/.default", "invalid_scope", 1002012},
		".default and more":   {"scope=https://graph.microsoft.com/.default User.Read", "invalid_scope", 1002012},
		"no scope":            {"scope=", "invalid_request", 900144},
		"OpenID scopes alone": {"scope=openid profile", "invalid_request", 900144},
		"an unknown resource": {"scope=https://nobody.example/.default", "invalid_resource", 500011},
		"malformed claims":    {"claims=x", "invalid_request", 9002313},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantError(t, redeem(t, s, appForm(s, tt.change)), 400, tt.oauth, tt.code, "")
		})
	}
	wantError(t, redeem(t, s, appForm(s, "client_secret=wrong")), 401, "invalid_client", 7000215, "")
	for _, segment := range []string{"common", "organizations"} {
		wantError(t, post(t, s, "https://login.entra.test/"+segment+"/oauth2/v2.0/token", appForm(s)), 400, "invalid_request", 9001023, "")
	}
}

func TestGraph_serves_the_application_what_needs_no_user(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithAppPermissions("User.Read.All"))
	powerless := newServer(t)
	ask := func(s *entratest.Server, path string) answer {
		token := text(t, redeem(t, s, appForm(s)).json(t)["access_token"])
		return get(t, s, s.GraphURL+path, "Authorization: Bearer "+token)
	}
	for path, want := range map[string]int{
		"/users/4782e723-f4f4-4af3-a76e-25e3bab0d896":                   200,
		"/users/ALEXW@contoso.com/manager":                              200,
		"/users/AlexW@contoso.com/photo/$value":                         200,
		"/users/AlexW@contoso.com/photos/48x48/$value":                  200,
		"/users/AlexW@contoso.com?$select=mail":                         200,
		"/users/AlexW@contoso.com/transitiveMemberOf":                   200,
		"/users/PradeepG_fabrikam.com%23EXT%23@contoso.onmicrosoft.com": 200,
		"/users/nobody@contoso.com":                                     404,
		"/users/PradeepG@fabrikam.com":                                  404, // a mail address is no id
		"/users/AlexW@contoso.com/nonsense":                             404,
		"/users/me-token-to-replace":                                    404,
		"/users":                                                        400,
		"/me":                                                           400,
		"/me/manager":                                                   400,
		"/me/photo/$value":                                              400,
	} {
		if a := ask(s, path); a.StatusCode != want {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	if a := ask(s, "/me"); !strings.Contains(a.body, "/me request is only valid with delegated authentication flow.") {
		t.Error(a.body)
	}
	if a := ask(powerless, "/users/AlexW@contoso.com"); a.StatusCode != 403 {
		t.Errorf("without permissions: %d", a.StatusCode)
	}
	s.Disable("AlexW@contoso.com")
	if a := ask(s, "/users/AlexW@contoso.com"); a.StatusCode != 200 {
		t.Error("a disabled user cannot be read")
	}
}

func TestGraph_shows_others_to_those_who_may_read_them(t *testing.T) {
	t.Parallel()
	const tenant2 = "22222222-2222-4222-8222-222222222222"
	s := newServer(t, entratest.WithExtraTenant(tenant2, entratest.User{ID: "33333333-3333-4333-8333-333333333333", UPN: "TobiasF@fabrikam.com"}))
	ask := func(path string, scopes ...string) int {
		return get(t, s, s.GraphURL+path, "Authorization: Bearer "+s.Issue("adelev@contoso.com", scopes...)).StatusCode
	}
	for _, tt := range []struct {
		path, scope string
		want        int
	}{
		{"/users/adelev@contoso.com", "User.Read", 200},
		{"/users/AlexW@contoso.com", "User.Read", 403},
		{"/users/AlexW@contoso.com/photo/$value", "User.Read", 403},
		{"/users/AlexW@contoso.com", "User.Read.All", 200},
		{"/users/TobiasF@fabrikam.com", "User.Read.All", 404},
	} {
		if got := ask(tt.path, tt.scope); got != tt.want {
			t.Errorf("%s with %s: %d", tt.path, tt.scope, got)
		}
	}
	if s.Count(entratest.GraphUser) != 5 {
		t.Errorf("counted %d", s.Count(entratest.GraphUser))
	}
}

func TestAPI_tokens_of_people_are_for_the_API(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithAPI(
		entratest.API{URI: ordersURI, Scopes: []string{"access_as_user", "Orders.Read"}},
		entratest.API{URI: "https://other.example"},
	))
	for asked, want := range map[string]struct{ aud, scp, scope string }{
		ordersURI + "/access_as_user":    {ordersID, "access_as_user", "openid profile " + ordersURI + "/access_as_user"},
		ordersURI + "/.default":          {ordersID, "Orders.Read access_as_user", "openid profile " + ordersURI + "/Orders.Read " + ordersURI + "/access_as_user " + ordersURI + "/.default"},
		"https://other.example/.default": {"https://other.example", "", "openid profile https://other.example/.default"},
	} {
		s.WithdrawConsent("adelev@contoso.com")
		scope := "scope=openid profile " + asked
		body := redeem(t, s, codeForm(s, signIn(t, s, "adelev@contoso.com", scope).Values.Get("code"), scope, "claims="+cp1)).json(t)
		if body["scope"] != want.scope {
			t.Errorf("%s: scope %q", asked, body["scope"])
		}
		raw := text(t, body["access_token"])
		got := verifyAccess(t, s, want.aud, raw)
		for name, want := range map[string]any{"scp": want.scp, "oid": "87d349ed-44d7-43e1-9a83-5f2406dee5bd", "idtyp": nil, "roles": nil, "preferred_username": "AdeleV@contoso.com"} {
			if got[name] != want {
				t.Errorf("%s: %s is %v, want %v", asked, name, got[name], want)
			}
		}
		if cc, _ := got["xms_cc"].([]any); len(cc) != 1 || !slices.Contains(s.Secrets(), raw) {
			t.Errorf("%s: xms_cc %v", asked, cc)
		}
		if a := get(t, s, s.GraphURL+"/me", "Authorization: Bearer "+raw); a.StatusCode != 401 {
			t.Errorf("Graph answers %d", a.StatusCode)
		}
	}
}

func TestKeys_name_the_issuer_of_their_tenant(t *testing.T) {
	t.Parallel()
	const tenant2 = "22222222-2222-4222-8222-222222222222"
	s := newServer(t, entratest.WithExtraTenant(tenant2))
	for segment, want := range map[string]string{
		"common": "{tenantid}", "organizations": "{tenantid}", s.TenantID: s.TenantID, "contoso.com": s.TenantID, tenant2: tenant2,
	} {
		if a := get(t, s, "https://login.entra.test/"+segment+"/discovery/v2.0/keys"); !strings.Contains(a.body, `"issuer":"https://login.entra.test/`+want+`/v2.0"`) {
			t.Errorf("%s: %s", segment, a.body)
		}
	}
}
