package entratest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestAPI_TokensOfUsersAreForTheAPI(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithAPI(
		entratest.API{URI: ordersURI, Scopes: []string{"access_as_user", "Orders.Read"}},
		entratest.API{URI: "https://other.example"},
	))
	for requested, want := range map[string]struct{ aud, scp, scope string }{
		ordersURI + "/access_as_user":    {ordersID, "access_as_user", "openid profile " + ordersURI + "/access_as_user"},
		ordersURI + "/.default":          {ordersID, "Orders.Read access_as_user", "openid profile " + ordersURI + "/Orders.Read " + ordersURI + "/access_as_user " + ordersURI + "/.default"},
		"https://other.example/.default": {"https://other.example", "", "openid profile https://other.example/.default"},
	} {
		s.WithdrawConsent("adelev@contoso.com")
		scope := "scope=openid profile " + requested
		body := redeem(t, s, codeForm(s, signIn(t, s, "adelev@contoso.com", scope).Values.Get("code"), scope, "claims="+cp1)).json(t)
		if body["scope"] != want.scope {
			t.Errorf("%s: scope %q", requested, body["scope"])
		}
		raw := text(t, body["access_token"])
		got := verifyAccess(t, s, want.aud, raw)
		for name, want := range map[string]any{"scp": want.scp, "oid": "87d349ed-44d7-43e1-9a83-5f2406dee5bd", "idtyp": nil, "roles": nil, "preferred_username": "AdeleV@contoso.com"} {
			if got[name] != want {
				t.Errorf("%s: %s is %v, want %v", requested, name, got[name], want)
			}
		}
		if cc, _ := got["xms_cc"].([]any); len(cc) != 1 || !slices.Contains(s.Secrets(), raw) {
			t.Errorf("%s: xms_cc %v", requested, cc)
		}
		if a := get(t, s, s.GraphURL+"/me", "Authorization: Bearer "+raw); a.StatusCode != 401 {
			t.Errorf("Graph answers %d", a.StatusCode)
		}
	}
}

func TestIssue_RespectsTheLifetime(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.SetAccessTokenLifetime(time.Nanosecond)
	if a := get(t, s, s.GraphURL+"/me", "Authorization: Bearer "+s.Issue("adelev@contoso.com")); a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, "expired") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
