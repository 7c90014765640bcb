package entratest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
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

func TestIDToken_verifies_with_go_oidc_also_after_rotation(t *testing.T) {
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

func TestIDToken_claims(t *testing.T) {
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

func TestIDToken_of_special_people(t *testing.T) {
	t.Parallel()
	many := make([]string, 201)
	for i := range many {
		many[i] = "group-" + strconv.Itoa(i)
	}
	people := append(entratest.Users(), entratest.User{ID: "11111111-1111-4111-8111-111111111111", UPN: "many@contoso.com", Groups: many})
	s := newServer(t, entratest.WithUsers(people...))

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

func TestTamperIDToken_makes_tokens_that_a_verifier_must_refuse(t *testing.T) {
	t.Parallel()
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(*entratest.IDToken){
		"alg none":      (*entratest.IDToken).Unsign,
		"bad signature": (*entratest.IDToken).Corrupt,
		"RS512":         (*entratest.IDToken).SignRS512,
		"ES256":         func(i *entratest.IDToken) { i.SignES256(curve) },
		"foreign key":   func(i *entratest.IDToken) { i.SignRS256(own) },
		"HS256 with the modulus": func(i *entratest.IDToken) {
			i.SignHS256(i.PublicKey.N.Bytes())
		},
		"HS256 with the PEM": func(i *entratest.IDToken) {
			der, _ := x509.MarshalPKIXPublicKey(i.PublicKey)
			i.SignHS256(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		},
		"jwk header": func(i *entratest.IDToken) {
			i.SignRS256(own)
			i.Header["jwk"] = map[string]any{"kty": "RSA", "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(own.N.Bytes())}
			delete(i.Header, "kid")
		},
		"unknown kid":  func(i *entratest.IDToken) { i.Header["kid"] = "other"; i.SignRS256(own) },
		"array aud":    func(i *entratest.IDToken) { i.Claims["aud"] = []string{"other"} },
		"missing aud":  func(i *entratest.IDToken) { delete(i.Claims, "aud") },
		"other issuer": func(i *entratest.IDToken) { i.Claims["iss"] = "https://evil.example/v2.0" },
		"string exp":   func(i *entratest.IDToken) { i.Claims["exp"] = "tomorrow" },
		"huge exp":     func(i *entratest.IDToken) { i.Claims["exp"] = json.RawMessage("1e300") },
		"expired":      func(i *entratest.IDToken) { i.Claims["exp"] = 1 },
		"raw":          func(i *entratest.IDToken) { i.Raw = "not.a.token" },
	}
	for name, tamper := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.TamperIDToken(tamper)
			raw := idToken(t, s, "adelev@contoso.com")
			if _, err := verify(t, s, raw); err == nil && name != "huge exp" {
				t.Errorf("go-oidc accepts %s", raw)
			}
			s.TamperIDToken(nil)
			if _, err := verify(t, s, idToken(t, s, "adelev@contoso.com")); err != nil {
				t.Errorf("the server does not recover: %v", err)
			}
		})
	}
}

func TestTamperIDToken_knows_grant_and_user_and_can_omit(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.TamperIDToken(func(i *entratest.IDToken) { i.Omit = i.Grant == "refresh_token" && i.User.UPN == "AdeleV@contoso.com" })
	body := tokens(t, s, "adelev@contoso.com")
	renewed := redeem(t, s, refreshForm(s, text(t, body["refresh_token"]))).json(t)
	if _, got := renewed["id_token"]; got || body["id_token"] == nil {
		t.Error("the wrong token is omitted")
	}
}

func TestPublishForeignKey_signs_for_another_issuer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.PublishForeignKey()
	s.TamperIDToken((*entratest.IDToken).SignForeign)
	raw := idToken(t, s, "adelev@contoso.com")
	if _, err := verify(t, s, raw); err != nil {
		t.Errorf("the signature must be good, only its issuer wrong: %v", err)
	}
	keys := get(t, s, s.Authority+"/discovery/v2.0/keys").json(t)["keys"].([]any) //nolint:forcetypeassert // or the test fails
	if issuer := keys[1].(map[string]any)["issuer"]; issuer != "https://login.entra.test/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0" {
		t.Errorf("the foreign key's issuer is %v", issuer)
	}
}
