package entratest_test

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestSecrets_OverlapAndExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, entratest.WithSecrets(entratest.Secret{Value: "next-secret"}, entratest.Secret{Value: "last-secret", Expires: time.Now().Add(time.Hour)}))
		redeemWith := func(secret string) answer {
			return redeem(t, s, assertionForm(s, "", "client_assertion_type=", "client_secret="+secret))
		}
		for _, secret := range []string{s.ClientSecret, "next-secret", "last-secret"} {
			if a := redeemWith(secret); a.StatusCode != 200 || !slices.Contains(s.Secrets(), secret) {
				t.Error(a.body)
			}
		}
		wantError(t, redeemWith("other"), 401, "invalid_client", 7000215, "")
		time.Sleep(time.Hour)
		wantError(t, redeemWith("last-secret"), 401, "invalid_client", 7000222, "")
		s.SetSecrets(entratest.Secret{Value: "next-secret", Expires: time.Now()}, entratest.Secret{Value: "newest"})
		wantError(t, redeemWith("next-secret"), 401, "invalid_client", 7000222, "")
		wantError(t, redeemWith(s.ClientSecret), 401, "invalid_client", 7000215, "")
		if a := redeemWith("newest"); a.StatusCode != 200 {
			t.Error(a.body)
		}
		s.SetSecrets()
		wantError(t, redeemWith("newest"), 401, "invalid_client", 7000215, "")
	})
}

func TestSecrets_CanBeRotated(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := text(t, tokens(t, s, "adelev@contoso.com")["refresh_token"])
	s.SetClientSecret("new-secret")
	wantError(t, redeem(t, s, refreshForm(s, token)), 401, "invalid_client", 7000215, "")
	if a := redeem(t, s, refreshForm(s, token, "client_secret=new-secret")); a.StatusCode != http.StatusOK {
		t.Error(a.body)
	}
	if got := s.Secrets(); !slices.Contains(got, "new-secret") || !slices.Contains(got, s.ClientSecret) || !slices.Contains(got, verifier) || !slices.Contains(got, token) {
		t.Error("Secrets misses some")
	}
}
