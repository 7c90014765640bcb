package entratest_test

import (
	"net/http"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestRefresh_RotatesAndTheOldTokenStaysValid(t *testing.T) {
	t.Parallel()
	for _, oneTime := range []bool{false, true} {
		opts := []entratest.Option{}
		if oneTime {
			opts = append(opts, entratest.WithOneTimeRefreshTokens())
		}
		s := newServer(t, opts...)
		old := text(t, tokens(t, s, "adelev@contoso.com")["refresh_token"])
		first := redeem(t, s, refreshForm(s, old)).json(t)
		if renewed := text(t, first["refresh_token"]); renewed == old || len(renewed) < 1000 {
			t.Errorf("the new token is %q", renewed)
		}
		if again := redeem(t, s, refreshForm(s, old)); oneTime {
			wantError(t, again, 400, "invalid_grant", 70000, "")
		} else if again.StatusCode != http.StatusOK {
			t.Error(again.body)
		}
	}
}

func TestRefresh_IsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		act      func(s *entratest.Server)
		change   string
		oauth    string
		code     int
		suberror string
	}{
		{"revoked sessions", func(s *entratest.Server) { s.Revoke("adelev@contoso.com") }, "a=", "invalid_grant", 50173, "bad_token"},
		{"a disabled user", func(s *entratest.Server) { s.Disable("adelev@contoso.com") }, "a=", "invalid_grant", 50057, ""},
		{"an enabled user's old token", func(s *entratest.Server) { s.Disable("adelev@contoso.com"); s.Enable("adelev@contoso.com") }, "a=", "invalid_grant", 50173, "bad_token"},
		{"withdrawn consent", func(s *entratest.Server) { s.WithdrawConsent("adelev@contoso.com") }, "a=", "invalid_grant", 65001, "consent_required"},
		{"one scope withdrawn", func(s *entratest.Server) { s.WithdrawConsent("adelev@contoso.com", "User.Read") }, "a=", "invalid_grant", 65001, "consent_required"},
		{"a scope never requested", func(*entratest.Server) {}, "scope=Mail.Read", "invalid_grant", 65001, "consent_required"},
		{"a malformed token", func(*entratest.Server) {}, "refresh_token=x", "invalid_grant", 9002313, ""},
		{"an unknown token", func(*entratest.Server) {}, "refresh_token=0.canary-rt-x", "invalid_grant", 70000, ""},
		{"no token", func(*entratest.Server) {}, "refresh_token=", "invalid_request", 900144, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			old := text(t, tokens(t, s, "adelev@contoso.com")["refresh_token"])
			tt.act(s)
			wantError(t, redeem(t, s, refreshForm(s, old, tt.change)), 400, tt.oauth, tt.code, tt.suberror)
		})
	}
}
