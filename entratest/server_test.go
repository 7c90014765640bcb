package entratest_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestHTTPClient_ReachesOnlyTheEmulatorAndNothingAfterClose(t *testing.T) {
	t.Parallel()
	s := entratest.New()
	for _, target := range []string{"https://login.microsoftonline.com/common", "http://login.entra.test/common", "https://login.entra.test:444/x"} {
		if _, _, err := try(t.Context(), s, target); err == nil || !strings.Contains(err.Error(), "not part of the emulator") {
			t.Errorf("%s: %v", target, err)
		}
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := try(t.Context(), s, s.Authority); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("after Close: %v", err)
	}
}

func TestServer_UsesVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		stale := codeForm(s, signIn(t, s, "adelev@contoso.com").Values.Get("code"))
		body := tokens(t, s, "adelev@contoso.com")
		access, refresh := text(t, body["access_token"]), text(t, body["refresh_token"])
		me := func() int { return get(t, s, s.GraphURL+"/me", "Authorization: Bearer "+access).StatusCode }

		time.Sleep(10*time.Minute + time.Second)
		wantError(t, redeem(t, s, stale), 400, "invalid_grant", 70008, "")
		time.Sleep(64 * time.Minute)
		if got := me(); got != http.StatusOK {
			t.Errorf("/me gave %d after 74 minutes", got)
		}
		time.Sleep(time.Minute)
		if got := me(); got != http.StatusUnauthorized {
			t.Errorf("/me gave %d after 75 minutes", got)
		}
		time.Sleep(89 * 24 * time.Hour)
		if a := redeem(t, s, refreshForm(s, refresh)); a.StatusCode != http.StatusOK {
			t.Errorf("after 89 days: %s", a.body)
		}
		time.Sleep(91 * 24 * time.Hour) // idle since
		wantError(t, redeem(t, s, refreshForm(s, refresh)), 400, "invalid_grant", 700082, "")
	})
}

func TestServer_GivesManyUsersAtOnceTheirOwnTokens(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var wait sync.WaitGroup
	for _, u := range s.Users() {
		for range 5 {
			wait.Go(func() {
				r, err := s.SignIn(authorizeURL(s), u.ID)
				if err != nil {
					t.Error(err)
					return
				}
				body := redeem(t, s, codeForm(s, r.Values.Get("code"))).json(t)
				access, _ := body["access_token"].(string)
				if login, _ := s.TokenUser(access); login != u.UPN {
					t.Errorf("%s got a token of %s", u.UPN, login)
				}
				if me := get(t, s, s.GraphURL+"/me", "Authorization: Bearer "+access).json(t); me["id"] != u.ID {
					t.Errorf("%s is %v", u.UPN, me)
				}
			})
		}
	}
	wait.Wait()
}
