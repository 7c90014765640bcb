package entratest_test

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

const (
	demandC1  = `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`
	demandC1s = `{"id_token":{"acrs":{"essential":true,"values":["c1","c2"]}},"access_token":{"xms_cc":{"values":["cp1"]},"acrs":{"essential":true,"value":"c1"}}}`
	cp1       = `{"access_token":{"xms_cc":{"values":["cp1"]}}}`
)

// enter signs in in the browser and returns the response's parameters.
func enter(t *testing.T, b *entratest.Browser, authorizeURL, login string) url.Values {
	t.Helper()
	r, err := b.SignIn(authorizeURL, login)
	if err != nil {
		t.Fatal(err)
	}
	return r.Values
}

func wantCode(t *testing.T, v url.Values) {
	t.Helper()
	if v.Get("code") == "" {
		t.Errorf("no code in %v", v)
	}
}

func wantRefusal(t *testing.T, v url.Values, oauth string, code int) {
	t.Helper()
	if v.Get("error") != oauth || !strings.HasPrefix(v.Get("error_description"), "AADSTS"+strconv.Itoa(code)+": ") || v.Has("code") {
		t.Errorf("got %v, want %s %d", v, oauth, code)
	}
}

func TestBrowser_keeps_its_session_and_its_sid(t *testing.T) {
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

func TestMaxAge_asks_again_when_the_sign_in_is_old(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, entratest.WithOptionalClaims())
		b := s.NewBrowser()
		signedIn := time.Now()
		enter(t, b, authorizeURL(s), "adelev@contoso.com")
		authTime := func(v url.Values) any {
			return claims(t, text(t, redeem(t, s, codeForm(s, v.Get("code"))).json(t)["id_token"]))["auth_time"]
		}
		time.Sleep(10 * time.Minute)
		if got := authTime(enter(t, b, authorizeURL(s, "prompt=none", "max_age=600"), "")); got != float64(signedIn.Unix()) {
			t.Errorf("auth_time %v, want %v", got, signedIn.Unix())
		}
		if got := authTime(enter(t, b, authorizeURL(s, "prompt=none"), "")); got != nil {
			t.Errorf("auth_time %v without max_age", got)
		}
		if got := authTime(enter(t, b, authorizeURL(s, "prompt=none", `claims={"id_token":{"auth_time":{"essential":true}}}`), "")); got == nil {
			t.Error("no auth_time though it was asked for")
		}
		wantRefusal(t, enter(t, b, authorizeURL(s, "prompt=none", "max_age=599"), ""), "login_required", 50058)
		wantRefusal(t, enter(t, b, authorizeURL(s, "prompt=none", "max_age=0"), ""), "login_required", 50058)
		for _, age := range []string{"max_age=599", "max_age=0"} { // asks, and is answered
			time.Sleep(time.Hour)
			if got := authTime(enter(t, b, authorizeURL(s, age), "adelev@contoso.com")); got != float64(time.Now().Unix()) {
				t.Errorf("%s: auth_time %v, want %v", age, got, time.Now().Unix())
			}
		}
		for _, age := range []string{"x", "-1", "1.5", "99999999999"} {
			wantRefusal(t, enter(t, b, authorizeURL(s, "max_age="+age), "adelev@contoso.com"), "invalid_request", 90023)
		}
	})
}

func TestClaims_nbf_asks_for_a_sign_in_after_it(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		b := s.NewBrowser()
		v := enter(t, b, authorizeURL(s), "adelev@contoso.com")
		refresh := text(t, redeem(t, s, codeForm(s, v.Get("code"))).json(t)["refresh_token"])
		time.Sleep(time.Minute)
		after := `claims={"access_token":{"nbf":{"essential":true, "value":"` + strconv.FormatInt(time.Now().Unix(), 10) + `"}}}`
		wantRefusal(t, enter(t, b, authorizeURL(s, "prompt=none", after), ""), "login_required", 50058)
		wantError(t, redeem(t, s, refreshForm(s, refresh, after)), 400, "invalid_grant", 50173, "bad_token")
		v = enter(t, b, authorizeURL(s, after), "adelev@contoso.com")
		if a := redeem(t, s, codeForm(s, v.Get("code"), after)); a.StatusCode != 200 {
			t.Error(a.body)
		}
	})
}

func TestStepUp_is_asked_for_once_and_shows_in_the_tokens(t *testing.T) {
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
	refused := redeem(t, s, refreshForm(s, text(t, weak["refresh_token"]), scope, "claims="+demandC1)).json(t)
	if refused["claims"] != demandC1 {
		t.Errorf("the error's claims are %v", refused["claims"])
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

func TestStepUp_is_automatic_with_auto(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithAutoSignIn())
	b := newBrowser(t, s)
	b.wants(b.open("login_hint=AdeleV@contoso.com", "claims="+demandC1), "form_post")
	b.wants(b.open("prompt=none", "claims="+demandC1), "form_post")
	if again := b.open("prompt=none", "claims="+demandC1); !strings.Contains(again.body, "canary-code") {
		t.Error("the session does not remember")
	}
}

func TestStepUp_is_not_for_somebody_not_signed_in(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := newBrowser(t, s)
	b.wants(b.press(url.Values{"user": {"adelev@contoso.com"}, "action": {"approve"}}, "claims="+demandC1), "accounts")
	b.wants(b.press(url.Values{"user": {"adelev@contoso.com"}}, "claims="+demandC1), "step-up")
}

func TestGraph_demands_an_authentication_context(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.RequireAuthContext("/me/manager", "c1")
	ask := func(path, claims string, changes ...string) answer {
		v := enter(t, s.NewBrowser(), authorizeURL(s, changes...), "adelev@contoso.com")
		token := text(t, redeem(t, s, codeForm(s, v.Get("code"), "claims="+claims)).json(t)["access_token"])
		return get(t, s, s.GraphURL+path, "Authorization: Bearer "+token)
	}
	if a := ask("/me", cp1); a.StatusCode != 200 {
		t.Error(a.body)
	}
	a := ask("/me/manager", cp1)
	_, quoted, _ := strings.Cut(a.Header.Get("WWW-Authenticate"), `error="insufficient_claims", claims="`)
	encoded, rest, _ := strings.Cut(quoted, `"`)
	if decoded, err := base64.StdEncoding.DecodeString(encoded); a.StatusCode != 401 || err != nil || string(decoded) != demandC1 || rest != `, cc_type="authcontext"` {
		t.Errorf("%d %s", a.StatusCode, a.Header.Get("WWW-Authenticate"))
	}
	if a := ask("/me/manager", "", "x=1"); a.StatusCode != 403 || a.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("a client without cp1 gets %d %s", a.StatusCode, a.body)
	}
	if a := ask("/me/manager", cp1, "claims="+demandC1); a.StatusCode != 200 {
		t.Error(a.body)
	}
	s.RequireAuthContext("me/manager", "")
	if a := ask("/me/manager", cp1); a.StatusCode != 200 {
		t.Error(a.body)
	}
	defer func() {
		if recover() == nil {
			t.Error("c0 is accepted")
		}
	}()
	s.RequireAuthContext("me", "c0")
}

func TestDomainHint_chooses_among_the_accounts(t *testing.T) {
	t.Parallel()
	const msa = "9188040d-6c67-4c5b-b112-36a304b66dad"
	s := newServer(t, entratest.WithExtraTenant(msa, entratest.User{ID: "33333333-3333-4333-8333-333333333333", UPN: "TobiasF@outlook.com"}))
	common := func(changes ...string) string {
		return strings.Replace(authorizeURL(s, changes...), s.TenantID, "common", 1)
	}
	b := s.NewBrowser()
	enter(t, b, common(), "TobiasF@outlook.com")
	enter(t, b, common("prompt=select_account"), "adelev@contoso.com")
	wantRefusal(t, enter(t, b, common("prompt=none"), ""), "interaction_required", 16000)
	for hint, want := range map[string]string{
		"organizations": "AdeleV@contoso.com", "consumers": "TobiasF@outlook.com", "Contoso.com": "AdeleV@contoso.com", "outlook.com": "TobiasF@outlook.com",
	} {
		v := enter(t, b, common("prompt=none", "domain_hint="+hint), "")
		a := post(t, s, "https://login.entra.test/common/oauth2/v2.0/token", codeForm(s, v.Get("code")))
		if login, _ := s.TokenUser(text(t, a.json(t)["access_token"])); login != want {
			t.Errorf("%s gives %s, want %s", hint, login, want)
		}
	}
	wantRefusal(t, enter(t, b, common("prompt=none", "domain_hint=fabrikam.com"), ""), "login_required", 50058) // the guest's home
	wantRefusal(t, enter(t, b, common("prompt=none", "domain_hint=unknown.example"), ""), "interaction_required", 16000)
	shown := newBrowser(t, s).open("domain_hint=fabrikam.com").body
	if !strings.Contains(shown, "Pradeep Gupta") || strings.Contains(shown, "Adele Vance") {
		t.Error("the chooser does not heed the hint")
	}
}

func TestOptionalClaims_are_the_registration_s(t *testing.T) {
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

func TestAdminScope_is_consented_to_by_administrators_only(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithAdminScopes("User.Read.All"))
	scope := "scope=openid offline_access User.Read User.Read.All"
	_, err := s.SignIn(authorizeURL(s, scope), "adelev@contoso.com")
	var page *entratest.PageError
	if !errors.As(err, &page) || page.Code != 90094 {
		t.Errorf("somebody else gets %v", err)
	}
	b := s.NewBrowser()
	enter(t, b, authorizeURL(s), "adelev@contoso.com")
	wantRefusal(t, enter(t, b, authorizeURL(s, scope, "prompt=none"), ""), "consent_required", 65001)
	wantCode(t, enter(t, s.NewBrowser(), authorizeURL(s, scope), "PattiF@contoso.com"))
	if _, err := s.SignIn(authorizeURL(s, scope), "adelev@contoso.com"); err == nil {
		t.Error("the administrator's own consent counts for others")
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

func TestAdminConsent_is_for_everybody(t *testing.T) {
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
	b.wants(b.press(url.Values{"user": {"adelev@contoso.com"}}, "scope=Mail.Read User.Read"), "form_post") // nobody is asked
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

func TestAdminConsent_needs_the_administrator_s_own_browser(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	query := url.Values{"client_id": {s.ClientID}, "redirect_uri": {redirectURI}, "scope": {"Mail.Read"}}.Encode()
	form := url.Values{"request": {query}, "user": {"PattiF@contoso.com"}, "action": {"accept"}}
	a := post(t, s, s.Authority+"/v2.0/adminconsent", form.Encode())
	if got := a.Header.Get(entratest.PageHeader); got != "consent" || a.Header.Get("Location") != "" {
		t.Errorf("shows %q, goes to %q", got, a.Header.Get("Location"))
	}
}
