package entratest_test

import (
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestExternalID_IssuerIsTheTenantsWhateverHostIsAsked(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]entratest.Option{
		"host of External ID": {entratest.WithHosts("contoso.ciamlogin.com", "graph.test")},
		"custom domain":       {entratest.WithHosts("login.contoso.example", "graph.test"), entratest.WithExternalID()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, opts...)
			want := "https://" + s.TenantID + ".ciamlogin.com/" + s.TenantID + "/v2.0"
			host, _, _ := strings.Cut(s.Authority, "/"+s.TenantID)
			document := get(t, s, s.Authority+"/v2.0/.well-known/openid-configuration").json(t)
			if document["issuer"] != want {
				t.Errorf("issuer %v, want %s", document["issuer"], want)
			}
			for _, endpoint := range []string{"token_endpoint", "jwks_uri", "authorization_endpoint", "end_session_endpoint"} {
				if got := text(t, document[endpoint]); !strings.HasPrefix(got, host+"/") {
					t.Errorf("%s is %s", endpoint, got)
				}
			}
			keys := get(t, s, text(t, document["jwks_uri"])).json(t)["keys"].([]any) //nolint:forcetypeassert // or the test fails
			if issuer := keys[0].(map[string]any)["issuer"]; issuer != want {        //nolint:forcetypeassert // or the test fails
				t.Errorf("the key's issuer is %v", issuer)
			}
			r := signIn(t, s, "adelev@contoso.com")
			raw := text(t, redeem(t, s, codeForm(s, r.Values.Get("code"))).json(t)["id_token"])
			if got := claims(t, raw); got["iss"] != want || got["tid"] != s.TenantID {
				t.Errorf("iss %v, tid %v", got["iss"], got["tid"])
			}
		})
	}
}

// User flows of External ID permit User.Read alone.
func TestExternalID_CustomersSeeNeitherManagersNorGroups(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithExternalID(), entratest.WithAppPermissions("User.Read.All"))
	for path, want := range map[string]int{
		"/me": 200, "/me/photo/$value": 200, "/me/manager": 403, "/me?$expand=manager": 403, "/me/transitiveMemberOf": 403,
	} {
		if a := graphGet(t, s, "AdeleV@contoso.com", path, "User.Read.All"); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, a.StatusCode, want)
		}
	}
	token := "Authorization: Bearer " + text(t, redeem(t, s, appForm(s)).json(t)["access_token"])
	if a := get(t, s, s.GraphURL+"/users/AdeleV@contoso.com/manager", token); a.StatusCode != 200 {
		t.Errorf("the application itself: %d", a.StatusCode)
	}
}
