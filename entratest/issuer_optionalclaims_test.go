package entratest_test

import (
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestOptionalClaims_AreThoseOfTheRegistration(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithOptionalClaims("email", "upn", "given_name", "family_name", "acrs"))
	v := enter(t, s.NewBrowser(), authorizeURL(s, "claims="+demandC1), "adelev@contoso.com")
	got := claims(t, text(t, redeem(t, s, codeForm(s, v.Get("code"))).json(t)["id_token"]))
	for name, want := range map[string]any{
		"email": "AdeleV@contoso.com", "upn": "AdeleV@contoso.com", "given_name": "Adele", "family_name": "Vance",
		"sid": nil, "login_hint": nil, "acct": nil, "groups": nil, "auth_time": nil,
	} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	if acrs, _ := got["acrs"].([]any); len(acrs) != 1 || acrs[0] != "c1" {
		t.Errorf("acrs %v", got["acrs"])
	}
}
