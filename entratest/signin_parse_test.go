package entratest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestAuthorize_SendsErrorsToTheApp(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, change, oauth, aadsts string }{
		{"without response_type", "response_type=", "invalid_request", "900144"},
		{"implicit flow", "response_type=id_token", "unsupported_response_type", "700054"},
		{"hybrid flow", "response_type=code id_token", "unsupported_response_type", "700054"},
		{"nonsense flow", "response_type=magic", "unsupported_response_type", "70005"},
		{"unknown response_mode", "response_mode=web_message", "invalid_request", "70007"},
		{"without scope", "scope=", "invalid_request", "900144"},
		{"unknown Graph scope", "scope=openid User.Fly", "invalid_client", "650053"},
		{"malformed scope", "scope=openid User%Read", "invalid_scope", "70011"},
		{"unknown resource", "scope=https://other.example/.default", "invalid_resource", "500011"},
		{".default mixed", "scope=https://graph.microsoft.com/.default User.Read", "invalid_scope", "70011"},
		{"short challenge", "code_challenge=abc", "invalid_request", "501491"},
		{"long challenge", "code_challenge=" + s256 + "A", "invalid_request", "501491"},
		{"padded challenge", "code_challenge=" + s256[:42] + "=", "invalid_request", "501491"},
		{"plain challenge", "code_challenge_method=plain", "invalid_request", "90023"},
		{"challenge without method", "code_challenge_method=", "invalid_request", "90023"},
		{"method without challenge", "code_challenge=", "invalid_request", "501491"},
		{"unknown prompt", "prompt=create", "invalid_request", "90023"},
		{"claims that are no JSON", "claims=cp1", "invalid_request", "9002313"},
		{"nobody signed in", "prompt=none", "login_required", "50058"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			r, err := s.SignIn(authorizeURL(s, tt.change), "adelev@contoso.com")
			if err != nil {
				t.Fatal(err)
			}
			v := r.Values
			if v.Get("error") != tt.oauth || !strings.HasPrefix(v.Get("error_description"), "AADSTS"+tt.aadsts+": ") || v.Get("state") != "the-state" || v.Has("code") {
				t.Errorf("got %v", v)
			}
		})
	}
}

func TestAuthorize_ShowsErrorsOnlyToTheUser(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, change string
		login        string
		code         int
	}{
		{"other redirect URI", "redirect_uri=https://evil.example/", "", 50011},
		{"redirect URI below a registered one", "redirect_uri=" + redirectURI + "/x", "", 50011},
		{"redirect URI in another case", "redirect_uri=https://app.example/user/Authorized", "", 50011},
		{"redirect URI with a query", "redirect_uri=" + redirectURI + "?a=b", "", 50011},
		{"another port", "redirect_uri=https://app.example:8443/user/authorized", "", 50011},
		{"without redirect URI", "redirect_uri=", "", 900971},
		{"without client id", "client_id=", "", 900144},
		{"unknown client id", "client_id=ffffffff-0000-4000-8000-000000000000", "", 700016},
		{"malformed client id", "client_id=app", "", 700038},
		{"repeated parameter", "+state=two", "", 9000411},
		{"too much", "state=" + strings.Repeat("s", 5000), "", 90015},
		{"unknown user", "state=s", "nobody@contoso.com", 50020},
		{"unassigned user", "state=s", "Unassigned@contoso.com", 50105},
		{"disabled user", "state=s", "Disabled@contoso.com", 50057},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, entratest.WithUsers(
				entratest.User{ID: "11111111-1111-4111-8111-111111111111", UPN: "Unassigned@contoso.com", Unassigned: true},
				entratest.User{ID: "22222222-1111-4111-8111-111111111111", UPN: "Disabled@contoso.com"},
			))
			s.Disable("Disabled@contoso.com")
			_, err := s.SignIn(authorizeURL(s, tt.change), tt.login)
			var page *entratest.PageError
			if !errors.As(err, &page) || page.Code != tt.code || !strings.HasPrefix(page.Description, "AADSTS") {
				t.Errorf("got %v, want a page about %d", err, tt.code)
			}
		})
	}
}
