package bench

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/entratest"
)

// BenchmarkSignIn measures a complete sign-in: the redirect of the login route, the user's part at
// Entra, and the callback. The emulator takes most of the time, because it signs tokens with RSA;
// own-ns/op is the time without it. For allocations, app=emulator shows those of the emulator alone.
// goth also requests the user from Graph.
func BenchmarkSignIn(b *testing.B) {
	b.Run("app=fibermsal", func(b *testing.B) { eachStorage(b, signInToOurs) })
	b.Run("app=fibermsal/storage=file", func(b *testing.B) { signInToOurs(b, newFile(b)) })
	b.Run("app=goth", func(b *testing.B) { eachStorage(b, signInToGoth) })
	b.Run("app=emulator", func(b *testing.B) {
		idp := newEntra(b)
		signInAll(b, idp, func(user string) { signInAlone(b, idp, user) })
	})
}

func signInToOurs(b *testing.B, storage fiber.Storage) {
	b.Helper()
	idp := newEntra(b)
	s := newOurs(b, ours(idp, storage), greet)
	signInAll(b, idp, func(user string) { signIn(b, s.app, idp, ourLogin, user) })
}

func signInToGoth(b *testing.B, storage fiber.Storage) {
	b.Helper()
	idp := newEntra(b)
	s := newGoth(b, idp, storage)
	signInAll(b, idp, func(user string) { signIn(b, s.app, idp, gothLogin, user) })
}

// signInAll signs the users in one after the other. Each causes one call of the token endpoint.
func signInAll(b *testing.B, idp *entra, signIn func(user string)) {
	b.Helper()
	users := idp.Users()
	signIn(users[0].UPN) // discovery and keys are fetched once
	before, done := idp.Count(entratest.Token), 0
	idp.worked.Store(0)
	b.ReportAllocs()
	for b.Loop() {
		signIn(users[done%len(users)].UPN)
		done++
	}
	if calls := idp.Count(entratest.Token) - before; calls != done {
		b.Fatalf("%d token calls for %d sign-ins", calls, done)
	}
	idp.reportOwn(b, done)
}

// tokens is the response of the token endpoint.
type tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
}

// signInAlone makes the requests of a sign-in to Entra without an app.
func signInAlone(tb testing.TB, idp *entra, user string) tokens {
	tb.Helper()
	const verifier = "a-verifier-that-is-as-long-as-one-has-to-be"
	challenge := sha256.Sum256([]byte(verifier))
	redirectURI := publicURL + "/user/authorized"
	answer, err := idp.SignIn(idp.Authority+"/oauth2/v2.0/authorize?"+url.Values{
		"client_id": {idp.ClientID}, "response_type": {"code"}, "response_mode": {"form_post"}, "redirect_uri": {redirectURI},
		"scope": {"openid profile offline_access User.Read"}, "state": {"state"}, "nonce": {"nonce"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode(), user)
	if err != nil {
		tb.Fatal(err)
	}
	return grant(tb, idp, url.Values{
		"grant_type": {"authorization_code"}, "code": answer.Values["code"], "redirect_uri": {redirectURI}, "code_verifier": {verifier},
	})
}

// grant calls the token endpoint as the app would.
func grant(tb testing.TB, idp *entra, form url.Values) tokens {
	tb.Helper()
	form.Set("client_id", idp.ClientID)
	form.Set("client_secret", idp.ClientSecret)
	form.Set("client_info", "1")
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, idp.Authority+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		tb.Fatal(err)
	}
	request.Header.Set(fiber.HeaderContentType, fiber.MIMEApplicationForm)
	resp, err := idp.HTTPClient.Do(request)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var t tokens
	if err := json.NewDecoder(resp.Body).Decode(&t); err != nil {
		tb.Fatal(err)
	}
	if t.AccessToken == "" || t.RefreshToken == "" || t.IDToken == "" {
		tb.Fatalf("status %d, tokens are missing", resp.StatusCode)
	}
	return t
}
