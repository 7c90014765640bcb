package entratest_test

import (
	"fmt"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/fibermsal/fibermsal/entratest"
)

// verifyV1 checks an access token of version 1 as its API would, with go-oidc and the document of that version.
func verifyV1(t *testing.T, s *entratest.Server, issuer, audience, raw string) map[string]any {
	t.Helper()
	ctx := oidc.InsecureIssuerURLContext(oidc.ClientContext(t.Context(), s.HTTPClient), issuer)
	provider, err := oidc.NewProvider(ctx, s.Authority)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: audience}).Verify(ctx, raw); err != nil {
		t.Fatal(err)
	}
	return claims(t, raw)
}

// The API chooses the version: null in accessTokenAcceptedVersion is 1.
func TestAPI_TokensHaveTheVersionOfTheAPI(t *testing.T) {
	t.Parallel()
	for login, sts := range map[string]string{"login.entra.test": "https://sts.windows.net/", "login.partner.microsoftonline.cn": "https://sts.chinacloudapi.cn/"} {
		s := newServer(t, entratest.WithHosts(login, "graph.entra.test"),
			entratest.WithAPI(entratest.API{URI: ordersURI, Version: 1, Scopes: []string{"Orders.Read"}, Roles: map[string][]string{adeleName: {"Buyer"}}}),
			entratest.WithAppPermissions(ordersURI+"/Orders.Process"))
		issuer := sts + s.TenantID + "/"
		got := verifyV1(t, s, issuer, ordersURI, s.Issue(adeleName, ordersURI+"/Orders.Read"))
		for name, want := range map[string]any{
			"ver": "1.0", "iss": issuer, "aud": ordersURI, "appid": s.ClientID, "appidacr": "1", "scp": "Orders.Read", "upn": adeleName,
			"unique_name": adeleName, "tid": s.TenantID, "oid": "87d349ed-44d7-43e1-9a83-5f2406dee5bd", "azp": nil, "azpacr": nil,
			"preferred_username": nil, "idp": nil, "roles": []any{"Buyer"}, "family_name": "Vance", "idtyp": nil,
		} {
			if fmt.Sprint(got[name]) != fmt.Sprint(want) {
				t.Errorf("%s: %s is %v, want %v", login, name, got[name], want)
			}
		}
		raw := text(t, redeem(t, s, appForm(s, "scope="+ordersURI+"/.default")).json(t)["access_token"])
		got = verifyV1(t, s, issuer, ordersURI, raw)
		for name, want := range map[string]any{
			"ver": "1.0", "iss": issuer, "idp": issuer, "appid": s.ClientID, "scp": nil, "roles": []any{"Orders.Process"}, "idtyp": "app", "upn": nil,
		} {
			if fmt.Sprint(got[name]) != fmt.Sprint(want) {
				t.Errorf("%s, application: %s is %v, want %v", login, name, got[name], want)
			}
		}
	}
}

func TestAPI_RolesAreThoseOfTheAPI(t *testing.T) {
	t.Parallel()
	s := newServer(t, withOwnAPI(2), entratest.WithAPI(entratest.API{
		URI: "api://plain", Scopes: []string{"Read"}, Roles: map[string][]string{"MeganB@contoso.com": {"Reader"}}, NoIDType: true,
	}))
	for scope, want := range map[string]string{ownScope: "[Portal.User Portal.Editor]", ordersURI + "/Orders.Read": "<nil>", "api://plain/Read": "[Reader]"} {
		if got := claims(t, s.Issue("MeganB@contoso.com", scope))["roles"]; fmt.Sprint(got) != want {
			t.Errorf("%s: roles %v, want %s", scope, got, want)
		}
	}
	got := claims(t, text(t, redeem(t, s, appForm(s, "scope=api://plain/.default")).json(t)["access_token"]))
	if got["idtyp"] != nil || got["oid"] != got["sub"] || got["oid"] == nil {
		t.Errorf("without idtyp: %v", got)
	}
}

func TestDiscovery_Version1NamesItsIssuerAndKeys(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for segment, want := range map[string]string{s.TenantID: s.TenantID, "common": "{tenantid}", "contoso.com": s.TenantID} {
		document := get(t, s, "https://login.entra.test/"+segment+"/.well-known/openid-configuration").json(t)
		if document["issuer"] != "https://sts.windows.net/"+want+"/" {
			t.Errorf("%s: issuer %v", segment, document["issuer"])
		}
		set := get(t, s, text(t, document["jwks_uri"])).json(t)["keys"].([]any) //nolint:forcetypeassert // or the test fails
		if _, named := set[0].(map[string]any)["issuer"]; named || len(set) != 1 {
			t.Errorf("%s: keys %v", segment, set)
		}
	}
	if a := get(t, s, "https://login.entra.test/fabrikam.com/.well-known/openid-configuration"); a.StatusCode != 400 {
		t.Errorf("an unknown tenant: %d", a.StatusCode)
	}
}

func TestNew_RefusesAnAPIOfAnotherVersion(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("version 3 is accepted")
		}
	}()
	entratest.New(entratest.WithAPI(entratest.API{URI: ordersURI, Version: 3}))
}
