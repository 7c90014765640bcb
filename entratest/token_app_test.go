package entratest_test

import (
	"maps"
	"slices"
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

func TestClientCredentials_TokenIsOfTheApplicationItself(t *testing.T) {
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

func TestClientCredentials_AreRefused(t *testing.T) {
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
