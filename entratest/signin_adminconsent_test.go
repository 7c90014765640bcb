package entratest_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestAdminScope_NeedsTheConsentOfAnAdministrator(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithAdminScopes("User.Read.All"))
	scope := "scope=openid offline_access User.Read User.Read.All"
	_, err := s.SignIn(authorizeURL(s, scope), "adelev@contoso.com")
	var page *entratest.PageError
	if !errors.As(err, &page) || page.Code != 90094 {
		t.Errorf("another user gets %v", err)
	}
	b := s.NewBrowser()
	enter(t, b, authorizeURL(s), "adelev@contoso.com")
	wantRefusal(t, enter(t, b, authorizeURL(s, scope, "prompt=none"), ""), "consent_required", 65001)
	wantCode(t, enter(t, s.NewBrowser(), authorizeURL(s, scope), "PattiF@contoso.com"))
	if _, err := s.SignIn(authorizeURL(s, scope), "adelev@contoso.com"); err == nil {
		t.Error("the administrator's own consent is used for other users")
	}
	s.GrantAdminConsent("User.Read.All")
	v := enter(t, b, authorizeURL(s, scope, "prompt=none"), "")
	body := redeem(t, s, codeForm(s, v.Get("code"), scope)).json(t)
	if body["scope"] != "openid profile User.Read User.Read.All" {
		t.Errorf("scope %q", body["scope"])
	}
	s.WithdrawAdminConsent("User.Read.All")
	wantError(t, redeem(t, s, refreshForm(s, text(t, body["refresh_token"]), scope)), 400, "invalid_grant", 65001, "consent_required")
}

func TestAdminConsent_IsForEverybody(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := func(path string, changes ...string) string {
		return s.Authority + path + "?" + change(url.Values{
			"client_id": {s.ClientID}, "redirect_uri": {redirectURI}, "state": {"the-state"},
			"scope": {"https://graph.microsoft.com/Mail.Read https://graph.microsoft.com/User.Read"},
		}, changes...).Encode()
	}
	granted, err := s.SignIn(at("/v2.0/adminconsent"), "PattiF@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"admin_consent": {"True"}, "tenant": {s.TenantID}, "state": {"the-state"},
		"scope": {"https://graph.microsoft.com/Mail.Read https://graph.microsoft.com/User.Read"},
	}
	if granted.Values.Encode() != want.Encode() || granted.RedirectURI != redirectURI || granted.Mode != "query" {
		t.Errorf("got %v at %s", granted.Values, granted.RedirectURI)
	}
	b := newBrowser(t, s)
	b.wants(b.press(url.Values{"user": {"adelev@contoso.com"}}, "scope=Mail.Read User.Read"), "form_post") // without a question
	b.wants(b.open("scope=Mail.Send"), "consent")

	old, err := s.SignIn(at("/adminconsent", "scope="), "PattiF@contoso.com")
	if err != nil || old.Values.Get("admin_consent") != "True" || old.Values.Has("scope") {
		t.Errorf("the older endpoint gives %v, %v", old, err)
	}
	declined, err := s.Decline(at("/v2.0/adminconsent"), "PattiF@contoso.com")
	if err != nil || declined.Values.Get("error") != "access_denied" || declined.Values.Get("admin_consent") != "True" || declined.Values.Get("state") != "the-state" {
		t.Errorf("declining gives %v, %v", declined, err)
	}
	if cancelled, err := s.Cancel(at("/v2.0/adminconsent")); err != nil || cancelled.Values.Get("error_subcode") != "cancel" {
		t.Errorf("cancelling gives %v, %v", cancelled, err)
	}
	wantRefusal(t, enter(t, s.NewBrowser(), at("/v2.0/adminconsent", "scope="), ""), "invalid_request", 900144)
	for _, tt := range []struct {
		login, change string
		code          int
	}{
		{"adelev@contoso.com", "a=", 90094},
		{"nobody@contoso.com", "a=", 50020},
		{"PattiF@contoso.com", "redirect_uri=https://evil.example/", 50011},
		{"PattiF@contoso.com", "client_id=ffffffff-0000-4000-8000-000000000000", 700016},
		{"PattiF@contoso.com", "+state=two", 9000411},
	} {
		_, err := s.SignIn(at("/v2.0/adminconsent", tt.change), tt.login)
		var page *entratest.PageError
		if !errors.As(err, &page) || page.Code != tt.code {
			t.Errorf("%s %s: %v", tt.login, tt.change, err)
		}
	}
	s.Disable("PattiF@contoso.com")
	var page *entratest.PageError
	if _, err := s.SignIn(at("/v2.0/adminconsent"), "PattiF@contoso.com"); !errors.As(err, &page) || page.Code != 50057 {
		t.Errorf("a disabled administrator gets %v", err)
	}
	if len(s.Requests(entratest.AdminConsent)) == 0 {
		t.Error("nothing is recorded")
	}
}

func TestAdminConsent_NeedsTheAdministratorsOwnBrowser(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	query := url.Values{"client_id": {s.ClientID}, "redirect_uri": {redirectURI}, "scope": {"Mail.Read"}}.Encode()
	form := url.Values{"request": {query}, "user": {"PattiF@contoso.com"}, "action": {"accept"}}
	a := post(t, s, s.Authority+"/v2.0/adminconsent", form.Encode())
	if got := a.Header.Get(entratest.PageHeader); got != "consent" || a.Header.Get("Location") != "" {
		t.Errorf("shows %q, goes to %q", got, a.Header.Get("Location"))
	}
}
