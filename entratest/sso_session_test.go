package entratest_test

import (
	"net/url"
	"testing"
)

func TestBrowser_KeepsItsSessionAndItsSID(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.NewBrowser()
	wantRefusal(t, enter(t, b, authorizeURL(s, "prompt=none"), ""), "login_required", 50058)
	first := enter(t, b, authorizeURL(s), "adelev@contoso.com")
	again := enter(t, b, authorizeURL(s, "prompt=none"), "")
	anew := enter(t, b, authorizeURL(s, "prompt=login"), "adelev@contoso.com")
	for name, v := range map[string]url.Values{"prompt=none": again, "prompt=login": anew} {
		if wantCode(t, v); v.Get("session_state") != first.Get("session_state") {
			t.Errorf("%s has another session_state", name)
		}
	}
	raw := text(t, redeem(t, s, codeForm(s, again.Get("code"))).json(t)["id_token"])
	if claims(t, raw)["sid"] != first.Get("session_state") {
		t.Error("sid is not session_state")
	}
	if v := enter(t, s.NewBrowser(), authorizeURL(s), "adelev@contoso.com"); v.Get("session_state") == first.Get("session_state") {
		t.Error("two browsers share a sid")
	}
	s.Revoke("adelev@contoso.com")
	wantRefusal(t, enter(t, b, authorizeURL(s, "prompt=none"), ""), "login_required", 50058)
	if v := enter(t, b, authorizeURL(s), "adelev@contoso.com"); v.Get("session_state") == first.Get("session_state") {
		t.Error("a revoked session keeps its sid")
	}
}
