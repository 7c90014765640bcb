package entratest_test

import (
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestStepUp_IsDemandedOnceAndShowsInTheTokens(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithAPI(entratest.API{URI: "api://orders", Scopes: []string{"access_as_user"}}))
	b := s.NewBrowser()
	scope := "scope=openid profile offline_access api://orders/access_as_user"
	v := enter(t, b, authorizeURL(s, scope), "adelev@contoso.com")
	weak := redeem(t, s, codeForm(s, v.Get("code"), scope)).json(t)
	if got := claims(t, text(t, weak["access_token"]))["acrs"]; got != nil {
		t.Errorf("acrs %v without asking", got)
	}
	wantError(t, redeem(t, s, refreshForm(s, text(t, weak["refresh_token"]), scope, "claims="+demandC1)), 400, "invalid_grant", 50076, "basic_action")
	weaker := redeem(t, s, refreshForm(s, text(t, weak["refresh_token"]), scope, "claims="+demandC1)).json(t)
	if weaker["claims"] != demandC1 {
		t.Errorf("the error's claims are %v", weaker["claims"])
	}
	wantRefusal(t, enter(t, b, authorizeURL(s, scope, "prompt=none", "claims="+demandC1), ""), "interaction_required", 50076)

	if cancelled, err := b.Cancel(authorizeURL(s, scope, "claims="+demandC1)); err != nil || cancelled.Values.Get("error_subcode") != "cancel" {
		t.Errorf("cancelling gave %v, %v", cancelled, err)
	}
	v = enter(t, b, authorizeURL(s, scope, "claims="+demandC1s), "")
	strong := redeem(t, s, codeForm(s, v.Get("code"), scope, "claims="+demandC1)).json(t)
	for _, name := range []string{"access_token", "id_token"} {
		if got, _ := claims(t, text(t, strong[name]))["acrs"].([]any); len(got) != 2 || got[0] != "c1" {
			t.Errorf("the %s's acrs are %v", name, got)
		}
	}
	if a := redeem(t, s, refreshForm(s, text(t, strong["refresh_token"]), scope, "claims="+demandC1)); a.StatusCode != 200 {
		t.Error(a.body)
	}
	wantCode(t, enter(t, b, authorizeURL(s, scope, "prompt=none", "claims="+demandC1), "")) // the session remembers
	wantRefusal(t, enter(t, b, authorizeURL(s, scope, "prompt=none", `claims={"access_token":{"acrs":{"value":"c3"}}}`), ""), "interaction_required", 50076)
	wantCode(t, enter(t, b, authorizeURL(s, scope, "prompt=none", `claims={"access_token":{"acrs":{"value":"c100"}},"id_token":{"auth_time":null}}`), ""))
	wantRefusal(t, enter(t, b, authorizeURL(s, `claims={"access_token":5}`), ""), "invalid_request", 9002313)
}

func TestStepUp_IsAutomaticWithAuto(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithAutoSignIn())
	b := newBrowser(t, s)
	b.wants(b.open("login_hint=AdeleV@contoso.com", "claims="+demandC1), "form_post")
	b.wants(b.open("prompt=none", "claims="+demandC1), "form_post")
	if again := b.open("prompt=none", "claims="+demandC1); !strings.Contains(again.body, "canary-code") {
		t.Error("the session does not remember")
	}
}

// Entra confirms a context that no policy uses, without asking for anything.
func TestStepUp_IsNotDemandedWithoutAPolicy(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithoutAuthContextPolicy("c1"))
	b := s.NewBrowser()
	enter(t, b, authorizeURL(s), "adelev@contoso.com")
	v := enter(t, b, authorizeURL(s, "prompt=none", `claims={"id_token":{"acrs":{"essential":true,"value":"c1"}}}`), "")
	got, _ := claims(t, text(t, redeem(t, s, codeForm(s, v.Get("code"))).json(t)["id_token"]))["acrs"].([]any)
	if len(got) != 1 || got[0] != "c1" {
		t.Errorf("acrs %v", got)
	}
	wantRefusal(t, enter(t, b, authorizeURL(s, "prompt=none", `claims={"id_token":{"acrs":{"value":"c2"}}}`), ""), "interaction_required", 50076)
}
