package entratest_test

import (
	"encoding/base64"
	"net/http"
	"testing"
)

func TestToken_RefusesACode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change string
		status int
		oauth  string
		code   int
	}{
		{"wrong secret", "client_secret=wrong", 401, "invalid_client", 7000215},
		{"no secret", "client_secret=", 401, "invalid_client", 7000218},
		{"secret and assertion", "client_assertion=a.b.c", 400, "invalid_request", 9002313},
		{"malformed claims", "claims=[]", 400, "invalid_request", 9002313},
		{"no client id", "client_id=", 400, "invalid_request", 900144},
		{"malformed client id", "client_id=app", 400, "unauthorized_client", 700038},
		{"unknown client id", "client_id=ffffffff-0000-4000-8000-000000000000", 400, "unauthorized_client", 700016},
		{"no grant type", "grant_type=", 400, "invalid_request", 900144},
		{"unknown grant type", "grant_type=password", 400, "unsupported_grant_type", 70003},
		{"no code", "code=", 400, "invalid_request", 900144},
		{"malformed code", "code=x", 400, "invalid_grant", 9002313},
		{"unknown code", "code=1.canary-code-x", 400, "invalid_grant", 70000},
		{"no redirect URI", "redirect_uri=", 400, "invalid_request", 900144},
		{"another redirect URI", "redirect_uri=https://app.example/", 400, "invalid_grant", 500112},
		{"no verifier", "code_verifier=", 400, "invalid_grant", 501481},
		{"wrong verifier", "code_verifier=" + verifier + "x", 400, "invalid_grant", 501481},
		{"the challenge as verifier", "code_verifier=" + s256, 400, "invalid_grant", 501481},
		{"repeated parameter", "+code=two", 400, "invalid_request", 9000411},
		{"unknown scope", "scope=User.Fly", 400, "invalid_client", 650053},
		{"unknown resource", "scope=https://other.example/x", 400, "invalid_resource", 500011},
		{"scope without consent", "scope=Mail.Read", 400, "invalid_grant", 65001},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			suberror := ""
			if tt.code == 65001 {
				suberror = "consent_required"
			}
			form := codeForm(s, signIn(t, s, "adelev@contoso.com").Values.Get("code"), tt.change)
			wantError(t, redeem(t, s, form), tt.status, tt.oauth, tt.code, suberror)
		})
	}
}

// Basic authentication is the subject of clientauth_basic_test.go.
func TestToken_ReadsOnlyTheFormAndTheBasicHeaderOfAPOST(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	code := signIn(t, s, "adelev@contoso.com").Values.Get("code")
	target := s.Authority + "/oauth2/v2.0/token"
	wantError(t, get(t, s, target+"?"+codeForm(s, code)), 400, "invalid_request", 900561, "")
	wantError(t, post(t, s, target+"?"+codeForm(s, code), ""), 400, "invalid_request", 900144, "")
	wantError(t, post(t, s, target, codeForm(s, code), "Content-Type: application/json"), 400, "invalid_request", 900144, "")
	other := "Authorization: Bearer " + base64.StdEncoding.EncodeToString([]byte(s.ClientID+":"+s.ClientSecret))
	wantError(t, post(t, s, target, codeForm(s, code, "client_secret="), other), 401, "invalid_client", 7000218, "")
	if a := post(t, s, target, codeForm(s, code)); a.StatusCode != http.StatusOK {
		t.Errorf("the refused attempts have spent the code: %s", a.body)
	}
}
