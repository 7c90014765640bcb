package entratest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestToken_IssuesWhatIsRequested(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, authorize, token, scope string
		clientInfo                    string
		has                           string
	}{
		{"all", "openid profile offline_access User.Read", "User.Read openid offline_access profile", "openid profile User.Read", "1", "refresh_token id_token client_info"},
		{"e-mail first", "User.Read email profile openid", "User.Read openid profile", "email openid profile User.Read", "1", "id_token client_info"},
		{"more than asked", "openid User.Read Mail.Read", "User.Read", "openid Mail.Read User.Read", "", ""},
		{"in its own spelling", "openid user.read", "USER.READ", "openid User.Read", "", ""},
		{"with the resource", "openid https://graph.microsoft.com/User.Read Mail.Read", "https://graph.microsoft.com/User.Read openid", "openid https://graph.microsoft.com/Mail.Read https://graph.microsoft.com/User.Read", "", "id_token"},
		{".default", "openid https://graph.microsoft.com/.default", "https://graph.microsoft.com/.default openid", "openid https://graph.microsoft.com/User.Read https://graph.microsoft.com/.default", "", "id_token"},
		{"without a scope parameter", "openid offline_access User.Read", "", "openid User.Read", "", "refresh_token id_token"},
		{"openid asked too late", "User.Read", "User.Read openid offline_access profile", "User.Read", "1", "client_info"},
		{"another API", "openid api://orders/Orders.Read User.Read", "api://orders/Orders.Read", "openid api://orders/Orders.Read", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, entratest.WithScopes("api://orders/Orders.Read"))
			code := signIn(t, s, "adelev@contoso.com", "scope="+tt.authorize).Values.Get("code")
			a := redeem(t, s, codeForm(s, code, "scope="+tt.token, "client_info="+tt.clientInfo))
			body := a.json(t)
			if body["scope"] != tt.scope {
				t.Errorf("scope %q, want %q", body["scope"], tt.scope)
			}
			for _, name := range []string{"refresh_token", "id_token", "client_info", "refresh_in"} {
				_, got := body[name]
				if want := slices.Contains(strings.Fields(tt.has), name); got != want {
					t.Errorf("%s: %v, want %v", name, got, want)
				}
			}
		})
	}
}

func TestToken_IsForOneResource(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithScopes("api://orders/Orders.Read"))
	code := signIn(t, s, "adelev@contoso.com", "scope=openid api://orders/Orders.Read User.Read").Values.Get("code")
	wantError(t, redeem(t, s, codeForm(s, code, "scope=api://orders/Orders.Read User.Read")), 400, "invalid_request", 28002, "")
}
