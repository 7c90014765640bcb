package entratest_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestGraph_AcceptsOnlyItsOwnValidTokens(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithScopes("api://orders/Orders.Read"))
	other := newServer(t)
	code := signIn(t, s, "adelev@contoso.com", "scope=openid api://orders/Orders.Read").Values.Get("code")
	foreign := text(t, redeem(t, s, codeForm(s, code, "scope=api://orders/Orders.Read")).json(t)["access_token"])
	issued := s.Issue("adelev@contoso.com")
	tests := []struct {
		name, authorization string
		status              int
		message             string
	}{
		{"nothing", "", 401, "empty"},
		{"another scheme", "Basic " + issued, 401, "empty"},
		{"garbage", "Bearer x", 401, "80049217"},
		{"a changed token", "Bearer " + issued + "x", 401, "80049217"},
		{"another server's token", "Bearer " + other.Issue("adelev@contoso.com"), 401, "80049217"},
		{"an ID token", "Bearer " + idToken(t, s, "adelev@contoso.com"), 401, "80049217"},
		{"another API's token", "Bearer " + foreign, 401, "audience"},
		{"a token without the scope", "Bearer " + s.Issue("adelev@contoso.com", "Mail.Read"), 403, "Insufficient"},
		{"a larger scope", "Bearer " + s.Issue("adelev@contoso.com", "User.ReadWrite"), 200, ""},
		{"the right one", "Bearer " + issued, 200, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := get(t, s, s.GraphURL+"/me", "Authorization: "+tt.authorization)
			if a.StatusCode != tt.status || !strings.Contains(a.body, tt.message) {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			if a.StatusCode == http.StatusUnauthorized && !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), `Bearer realm="", authorization_uri="`) {
				t.Errorf("WWW-Authenticate: %s", a.Header.Get("WWW-Authenticate"))
			}
		})
	}
}

func TestGraph_ChallengesCapableClientsAfterARevocation(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	capable := text(t, tokens(t, s, "adelev@contoso.com", `claims={"access_token":{"xms_cc":{"values":["cp1"]}}}`)["access_token"])
	plain := text(t, tokens(t, s, "adelev@contoso.com")["access_token"])
	me := func(token string) answer { return get(t, s, s.GraphURL+"/me", "Authorization: Bearer "+token) }
	if me(capable).StatusCode != http.StatusOK {
		t.Fatal("refused before the revocation")
	}
	s.Revoke("adelev@contoso.com")
	if got := me(plain).StatusCode; got != http.StatusOK {
		t.Errorf("a plain token lives until it expires; got %d", got)
	}
	a := me(capable)
	header := a.Header.Get("WWW-Authenticate")
	_, quoted, _ := strings.Cut(header, `error="insufficient_claims", claims="`)
	claims, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(quoted, `"`))
	if a.StatusCode != http.StatusUnauthorized || err != nil || !strings.HasPrefix(string(claims), `{"access_token":{"nbf":{"essential":true, "value":"`) {
		t.Errorf("%d %s: %s, %v", a.StatusCode, header, claims, err)
	}
	if got := me(text(t, tokens(t, s, "adelev@contoso.com", `claims={"access_token":{"xms_cc":{"values":["cp1"]}}}`)["access_token"])).StatusCode; got != http.StatusOK {
		t.Errorf("the token of a new sign-in gives %d", got)
	}
}

func TestGraph_DemandsAnAuthenticationContext(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.RequireAuthContext("/me/manager", "c1")
	call := func(path, claims string, changes ...string) answer {
		v := enter(t, s.NewBrowser(), authorizeURL(s, changes...), "adelev@contoso.com")
		token := text(t, redeem(t, s, codeForm(s, v.Get("code"), "claims="+claims)).json(t)["access_token"])
		return get(t, s, s.GraphURL+path, "Authorization: Bearer "+token)
	}
	if a := call("/me", cp1); a.StatusCode != 200 {
		t.Error(a.body)
	}
	a := call("/me/manager", cp1)
	_, quoted, _ := strings.Cut(a.Header.Get("WWW-Authenticate"), `error="insufficient_claims", claims="`)
	encoded, rest, _ := strings.Cut(quoted, `"`)
	if decoded, err := base64.StdEncoding.DecodeString(encoded); a.StatusCode != 401 || err != nil || string(decoded) != demandC1 || rest != `, cc_type="authcontext"` {
		t.Errorf("%d %s", a.StatusCode, a.Header.Get("WWW-Authenticate"))
	}
	if a := call("/me/manager", "", "x=1"); a.StatusCode != 403 || a.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("a client without cp1 gets %d %s", a.StatusCode, a.body)
	}
	if a := call("/me/manager", cp1, "claims="+demandC1); a.StatusCode != 200 {
		t.Error(a.body)
	}
	s.RequireAuthContext("me/manager", "")
	if a := call("/me/manager", cp1); a.StatusCode != 200 {
		t.Error(a.body)
	}
	defer func() {
		if recover() == nil {
			t.Error("c0 is accepted")
		}
	}()
	s.RequireAuthContext("me", "c0")
}
