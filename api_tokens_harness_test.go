package fibermsal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// tokenRow is an access token with its difference from an honest one, and the expected result, which is
// the reason of the refusal or one of the results below.
type tokenRow struct {
	name, result string
	change       func(a *entratest.AccessToken)
}

// The results of tokens that are accepted.
const (
	ofAUser = "a user's"
	ofAnApp = "an app's own"
)

// claim sets a claim, or removes it if there is no value.
func claim(name string, value any) func(*entratest.AccessToken) {
	return func(a *entratest.AccessToken) {
		if a.Claims[name] = value; value == nil {
			delete(a.Claims, name)
		}
	}
}

// header sets a member of the token's header, or removes it if there is no value.
func header(name string, value any) func(*entratest.AccessToken) {
	return func(a *entratest.AccessToken) {
		if a.Header[name] = value; value == nil {
			delete(a.Header, name)
		}
	}
}

// changes applies several changes one after the other.
func changes(all ...func(*entratest.AccessToken)) func(*entratest.AccessToken) {
	return func(a *entratest.AccessToken) {
		for _, change := range all {
			change(a)
		}
	}
}

// payload signs a text instead of the claims. f returns the text for the JSON of the claims.
func payload(f func(claims string) string) func(*entratest.AccessToken) {
	return func(a *entratest.AccessToken) { signText(a, asJSON(a.Header), f(asJSON(a.Claims))) }
}

// headerText signs a text instead of the header. f returns the text for the JSON of the header.
func headerText(f func(header string) string) func(*entratest.AccessToken) {
	return func(a *entratest.AccessToken) { signText(a, f(asJSON(a.Header)), asJSON(a.Claims)) }
}

// rawToken changes the signed token.
func rawToken(f func(raw string) string) func(*entratest.AccessToken) {
	return func(a *entratest.AccessToken) {
		signText(a, asJSON(a.Header), asJSON(a.Claims))
		a.Raw = f(a.Raw)
	}
}

func asJSON(object map[string]any) string {
	text, err := json.Marshal(object)
	if err != nil {
		panic(err) // of a test's own value
	}
	return string(text)
}

func signText(a *entratest.AccessToken, header, claims string) {
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	a.Raw = input + "." + base64.RawURLEncoding.EncodeToString(a.Sign([]byte(input)))
}

// attackers are keys that are not published.
type attackers struct {
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
}

func newAttackers(t *testing.T) attackers {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return attackers{key, curve}
}

func (k attackers) sign(a *entratest.AccessToken)   { a.SignRS256(k.rsa) }
func (k attackers) signEC(a *entratest.AccessToken) { a.SignES256(k.ec) }
