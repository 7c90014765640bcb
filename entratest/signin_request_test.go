package entratest_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestMaxAge_DemandsANewSignInAfterAnOldOne(t *testing.T) {
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
			t.Error("no auth_time though it was requested")
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

func TestClaims_NotBeforeDemandsALaterSignIn(t *testing.T) {
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

func TestDomainHint_ChoosesAmongTheAccounts(t *testing.T) {
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
		t.Error("the chooser ignores the hint")
	}
}
