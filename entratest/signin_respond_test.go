package entratest_test

import (
	"strings"
	"testing"
)

func TestSignIn_AnswersInTheRequestedMode(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"form_post", "query", "fragment"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			r := signIn(t, s, "adelev@contoso.com", "response_mode="+mode, "client_info=1")
			if r.Mode != mode || r.RedirectURI != redirectURI {
				t.Errorf("mode %q to %q", r.Mode, r.RedirectURI)
			}
			if r.Values.Get("state") != "the-state" || r.Values.Get("session_state") == "" || r.Values.Get("client_info") == "" {
				t.Errorf("parameters %v", r.Values)
			}
			if code := r.Values.Get("code"); len(code) < 300 || !strings.HasPrefix(code, "1.canary-code-") {
				t.Errorf("code %q", code)
			}
		})
	}
}
