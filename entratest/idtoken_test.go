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
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestTamperIDToken_MakesTokensThatAVerifierMustRefuse(t *testing.T) {
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

func TestTamperIDToken_HasGrantAndUserAndCanOmit(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.TamperIDToken(func(i *entratest.IDToken) { i.Omit = i.Grant == "refresh_token" && i.User.UPN == "AdeleV@contoso.com" })
	body := tokens(t, s, "adelev@contoso.com")
	renewed := redeem(t, s, refreshForm(s, text(t, body["refresh_token"]))).json(t)
	if _, got := renewed["id_token"]; got || body["id_token"] == nil {
		t.Error("the wrong token is omitted")
	}
}
