package entratest_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/fibermsal/fibermsal/entratest"
)

// verify checks an ID token with coreos/go-oidc, from discovery to signature.
func verify(t *testing.T, s *entratest.Server, raw string) (*oidc.IDToken, error) {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), s.HTTPClient)
	provider, err := oidc.NewProvider(ctx, s.Authority+"/v2.0")
	if err != nil {
		t.Fatal(err)
	}
	return provider.VerifierContext(ctx, &oidc.Config{ClientID: s.ClientID}).Verify(ctx, raw)
}

func idToken(t *testing.T, s *entratest.Server, login string) string {
	t.Helper()
	return text(t, tokens(t, s, login)["id_token"])
}

func claims(t *testing.T, raw string) map[string]any {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(payload, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestIDToken_VerifiesWithGoOIDCAlsoAfterRotation(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	old := idToken(t, s, "adelev@contoso.com")
	token, err := verify(t, s, old)
	if err != nil {
		t.Fatal(err)
	}
	if token.Nonce != "the-nonce" || token.Issuer != s.Authority+"/v2.0" {
		t.Errorf("nonce %q, issuer %q", token.Nonce, token.Issuer)
	}
	s.RotateKeys()
	for name, raw := range map[string]string{"old": old, "new": idToken(t, s, "adelev@contoso.com")} {
		if _, err := verify(t, s, raw); err != nil {
			t.Errorf("the %s token after rotation: %v", name, err)
		}
	}
	s.RemoveOldKeys()
	if _, err := verify(t, s, old); err == nil {
		t.Error("the old token verifies without its key")
	}
}

func TestIDToken_HasTheClaimsOfEntra(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := signIn(t, s, "adelev@contoso.com", "scope=openid profile email User.Read")
	raw := text(t, redeem(t, s, codeForm(s, r.Values.Get("code"), "scope=openid profile email User.Read")).json(t)["id_token"])
	got := claims(t, raw)
	for name, want := range map[string]any{
		"ver": "2.0", "aud": s.ClientID, "tid": s.TenantID, "oid": "87d349ed-44d7-43e1-9a83-5f2406dee5bd", "name": "Adele Vance",
		"preferred_username": "AdeleV@contoso.com", "email": "AdeleV@contoso.com", "sid": r.Values.Get("session_state"), "acct": 0.0,
	} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	want := []string{
		"acct", "aio", "aud", "auth_time", "email", "exp", "groups", "iat", "iss", "login_hint", "name", "nbf", "nonce", "oid",
		"preferred_username", "rh", "roles", "sid", "sub", "tid", "uti", "ver",
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Errorf("claims %v, want %v", names, want)
	}
	if life := got["exp"].(float64) - got["iat"].(float64); life != 3900 { //nolint:forcetypeassert // numbers, or the test fails
		t.Errorf("lives %v s", life)
	}
}

func TestIDToken_OfGuestsAndOfMembersOfManyGroups(t *testing.T) {
	t.Parallel()
	many := make([]string, 201)
	for i := range many {
		many[i] = "group-" + strconv.Itoa(i)
	}
	users := append(entratest.Users(), entratest.User{ID: "11111111-1111-4111-8111-111111111111", UPN: "many@contoso.com", Groups: many})
	s := newServer(t, entratest.WithUsers(users...))

	guest := claims(t, idToken(t, s, "PradeepG@fabrikam.com"))
	if guest["acct"] != 1.0 || guest["idp"] != "https://sts.windows.net/bbbbcccc-1111-dddd-2222-eeee3333ffff/" || guest["tid"] != s.TenantID {
		t.Errorf("the guest's claims are %v", guest)
	}
	info, err := base64.RawURLEncoding.DecodeString(text(t, tokens(t, s, "PradeepG@fabrikam.com")["client_info"]))
	if err != nil || string(info) != `{"uid":"7fa096fb-af54-4e53-8283-51a0be605f06","utid":"bbbbcccc-1111-dddd-2222-eeee3333ffff"}` {
		t.Errorf("the guest's client_info is %s, %v", info, err)
	}
	hint := text(t, guest["login_hint"])
	b := newBrowser(t, s)
	if page := b.open("login_hint=" + hint); !strings.Contains(page.body, `class="account hinted" name="user" value="6e9f85fa-`) {
		t.Error("the login_hint claim does not lead back to the guest")
	}
	overage := claims(t, idToken(t, s, "many@contoso.com"))
	if _, got := overage["groups"]; got || overage["_claim_names"] == nil || overage["_claim_sources"] == nil {
		t.Errorf("201 groups give %v", overage)
	}
}
