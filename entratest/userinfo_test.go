package entratest_test

import (
	"net/http"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestUserInfo_IsThatOfTheIDToken(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const scope = "scope=openid profile email User.Read"
	body := redeem(t, s, codeForm(s, signIn(t, s, "adelev@contoso.com", scope).Values.Get("code"), scope)).json(t)
	target := text(t, get(t, s, s.Authority+"/v2.0/.well-known/openid-configuration").json(t)["userinfo_endpoint"])
	if target != "https://graph.entra.test/oidc/userinfo" {
		t.Fatalf("userinfo_endpoint is %q", target)
	}
	got := get(t, s, target, "Authorization: Bearer "+text(t, body["access_token"])).json(t)
	want := claims(t, text(t, body["id_token"]))
	for name, value := range map[string]any{
		"sub": want["sub"], "name": "Adele Vance", "given_name": "Adele", "family_name": "Vance", "email": "AdeleV@contoso.com",
		"picture": s.GraphURL + "/me/photo/$value",
	} {
		if got[name] != value {
			t.Errorf("%s is %v, want %v", name, got[name], value)
		}
	}
	if r := s.Requests(entratest.UserInfo); len(r) != 1 || r[0].User != "AdeleV@contoso.com" || r[0].Status != 200 {
		t.Errorf("recorded %+v", r)
	}
}

func TestUserInfo_ContainsWhatIsConsentedTo(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	target := "https://graph.entra.test/oidc/userinfo"
	token := func(login, scope string) string {
		scope = "scope=" + scope
		return "Authorization: Bearer " + text(t, redeem(t, s, codeForm(s, signIn(t, s, login, scope).Values.Get("code"), scope)).json(t)["access_token"])
	}
	if a := get(t, s, target, token("adelev@contoso.com", "openid User.Read")); len(a.json(t)) != 1 || a.json(t)["sub"] == "" {
		t.Errorf("with openid: %s", a.body)
	}
	// An account without a mail address has no email claim, even with consent.
	if body := post(t, s, target, "", token("johannal@contoso.com", "openid profile email User.Read")).json(t); body["email"] != nil || body["name"] != "Johanna Lorenz" {
		t.Errorf("by POST: %v", body)
	}
	for name, a := range map[string]answer{
		"no token":         get(t, s, target),
		"a malformed one":  get(t, s, target, "Authorization: Bearer x"),
		"without openid":   get(t, s, target, token("leeg@contoso.com", "User.Read")),
		"the application":  get(t, s, target, "Authorization: Bearer "+text(t, redeem(t, s, appForm(s)).json(t)["access_token"])),
		"the sign-in host": get(t, s, "https://login.entra.test/oidc/userinfo", token("adelev@contoso.com", "openid")),
		"by PUT":           put(t, s, target, token("adelev@contoso.com", "openid")),
	} {
		want := map[string]int{
			"no token": 401, "a malformed one": 401, "without openid": 403, "the application": 403, "the sign-in host": 404, "by PUT": 405,
		}[name]
		if a.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", name, a.StatusCode, a.body, want)
		}
	}
}

func put(t *testing.T, s *entratest.Server, target string, header string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", header[len("Authorization: "):])
	return do(t, s.HTTPClient, r)
}
