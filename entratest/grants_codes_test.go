package entratest_test

import (
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestCode_NeedsItsTenant(t *testing.T) {
	t.Parallel()
	const other = "22222222-2222-4222-8222-222222222222"
	s := newServer(t, entratest.WithExtraTenant(other))
	form := codeForm(s, signIn(t, s, "adelev@contoso.com").Values.Get("code"))
	at := func(tenant string) answer {
		return post(t, s, "https://login.entra.test/"+tenant+"/oauth2/v2.0/token", form)
	}
	wantError(t, at(other), 400, "invalid_grant", 700005, "")
	wantError(t, at("99999999-2222-4222-8222-222222222222"), 400, "invalid_request", 90002, "")
	wantError(t, at("nonsense"), 400, "invalid_request", 900023, "")
	if a := at("organizations"); a.StatusCode != http.StatusOK {
		t.Error(a.body)
	}
}

func TestCode_IsRedeemedOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	form := codeForm(s, signIn(t, s, "adelev@contoso.com").Values.Get("code"))
	var (
		wait sync.WaitGroup
		mu   sync.Mutex
		got  []int
	)
	for range 20 {
		wait.Go(func() {
			a := redeem(t, s, form)
			mu.Lock()
			defer mu.Unlock()
			got = append(got, a.StatusCode)
		})
	}
	wait.Wait()
	if slices.Sort(got); got[0] != http.StatusOK || got[1] != http.StatusBadRequest {
		t.Errorf("20 attempts gave %v", got)
	}
	wantError(t, redeem(t, s, form), 400, "invalid_grant", 54005, "")
}

func TestCode_WithoutChallengeNeedsNoVerifier(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	noChallenge := []string{"code_challenge=", "code_challenge_method="}
	code := func() string { return signIn(t, s, "adelev@contoso.com", noChallenge...).Values.Get("code") }
	wantError(t, redeem(t, s, codeForm(s, code())), 400, "invalid_grant", 501481, "")
	if a := redeem(t, s, codeForm(s, code(), "code_verifier=")); a.StatusCode != http.StatusOK {
		t.Error(a.body)
	}
	s.AcceptAnyVerifier(true)
	if a := redeem(t, s, codeForm(s, signIn(t, s, "adelev@contoso.com").Values.Get("code"), "code_verifier=wrong")); a.StatusCode != http.StatusOK {
		t.Error(a.body)
	}
}
