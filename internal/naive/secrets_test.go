package naive_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// tokenFaults lists responses of the token endpoint other than tokens that MSAL accepts.
func tokenFaults() map[string]entratest.Fault {
	return map[string]entratest.Fault{
		"dropped":              {Drop: true},
		"answer lost":          {LoseAnswer: true},
		"truncated":            {Truncate: 700},
		"500":                  {Status: 500, Body: "<html>oops</html>"},
		"503":                  {Status: 503, Header: http.Header{"Retry-After": {"7"}}},
		"429 as text":          {Status: 429, Body: "slow down", Header: http.Header{"Retry-After": {"30"}, "Content-Type": {"text/plain"}}},
		"HTML with 200":        {Status: 200, Body: "<html>login</html>"},
		"empty object":         {Status: 200, Body: "{}"},
		"nothing":              {Status: 200},
		"redirect":             {Status: 302, Header: http.Header{"Location": {"https://evil.example/"}}},
		"error with 200":       {Status: 200, Body: `{"error":"invalid_grant"}`},
		"tokens of wrong type": {Status: 200, Body: `{"access_token":{"canary":1},"expires_in":"soon"}`},
		"invalid_grant":        {OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{50173}}},
		"invalid_client":       {Status: 401, OAuth: &entratest.OAuthError{Error: "invalid_client", Codes: []int{7000215}}},
		"consent":              {OAuth: &entratest.OAuthError{Error: "invalid_grant", Suberror: "consent_required", Codes: []int{65001}}},
	}
}

func TestR19_SecretsInErrors(t *testing.T) {
	t.Parallel()
	tampering := map[string]func(*entratest.Server){
		// It is allowed (OpenID Connect Core, 2).
		"audience is an array": func(idp *entratest.Server) {
			idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["aud"] = []string{idp.ClientID} })
		},
	}
	for name, fault := range tokenFaults() {
		tampering[name] = func(idp *entratest.Server) { idp.Fault(entratest.Token, fault) }
	}
	var shown []string
	for name, tamper := range tampering {
		a := newApp(t, newIDP(t, entratest.WithAccessTokenLifetime(time.Minute)), nil)
		v := newVisitor(t, adele)
		v.mustSignIn(a)
		tamper(a.idp)
		v.get(a, "/token")
		newVisitor(t, adele).signIn(a)
		if a.log.String() == "" {
			t.Errorf("%s: nothing failed", name)
		}
		if secretsIn(a.idp, a.log.String()) > 0 {
			shown = append(shown, name)
		}
	}
	report(t, "R19", "faults of the token endpoint after which the log shows a secret", "%d of %d", len(shown), len(tampering))
	t.Log(shown)
}

func TestR19_SecretsInRedis(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	a := newApp(t, idp, onRedis(t, server.URL))
	for _, user := range idp.Users() {
		v := newVisitor(t, user.UPN)
		v.mustSignIn(a)
		if !v.isServed(a, "/token") {
			t.Errorf("no token\n%s", a.log)
		}
	}
	found := secretsIn(idp, a.log.String()+string(server.Dump()))
	report(t, "R19", "secrets found in logs and Redis", "%d of %d", found, len(idp.Secrets()))
}

// secretsIn counts the secrets of an emulator that are in a text.
func secretsIn(idp *entratest.Server, text string) (found int) {
	for _, secret := range idp.Secrets() {
		if secret != "" && strings.Contains(text, secret) {
			found++
		}
	}
	return found
}
