package entratest_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

const (
	ownScope  = "api://00001111-aaaa-2222-bbbb-3333cccc4444/access_as_user"
	oboGrant  = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	adeleName = "AdeleV@contoso.com"
)

// withOwnAPI registers the application as an API, and another one behind it.
func withOwnAPI(version int) entratest.Option {
	return entratest.WithAPI(
		entratest.API{URI: strings.TrimSuffix(ownScope, "/access_as_user"), Version: version, Scopes: []string{"access_as_user"}},
		entratest.API{URI: ordersURI, Scopes: []string{"Orders.Read"}},
	)
}

// consented signs the user in with these scopes, so that they are consented to.
func consented(t *testing.T, s *entratest.Server, login string, scopes ...string) {
	t.Helper()
	for _, scope := range scopes {
		signIn(t, s, login, "scope=openid profile offline_access "+scope)
	}
}

// oboForm exchanges an access token of the application's own API, as MSAL does it.
func oboForm(s *entratest.Server, assertion string, changes ...string) string {
	return change(url.Values{
		"client_id": {s.ClientID}, "client_secret": {s.ClientSecret}, "grant_type": {oboGrant}, "assertion": {assertion},
		"requested_token_use": {"on_behalf_of"}, "client_info": {"1"}, "scope": {"User.Read openid offline_access profile"},
	}, changes...).Encode()
}

func TestOnBehalfOf_GivesTheCallersTokens(t *testing.T) {
	t.Parallel()
	for version := range 3 {
		s := newServer(t, withOwnAPI(version))
		consented(t, s, adeleName, ownScope, "User.Read", ordersURI+"/Orders.Read")
		assertion := s.Issue(adeleName, ownScope)
		body := redeem(t, s, oboForm(s, assertion)).json(t)
		if me := get(t, s, s.GraphURL+"/me", "Authorization: Bearer "+text(t, body["access_token"])); me.json(t)["displayName"] != "Adele Vance" {
			t.Errorf("version %d: /me is %s", version, me.body)
		}
		if body["scope"] != "openid profile User.Read" || body["refresh_token"] == nil || body["client_info"] == nil {
			t.Errorf("version %d: %v", version, body)
		}
		if got := claims(t, text(t, body["id_token"])); got["oid"] != "87d349ed-44d7-43e1-9a83-5f2406dee5bd" || got["nonce"] != nil {
			t.Errorf("version %d: ID token %v", version, got)
		}
		orders := redeem(t, s, oboForm(s, assertion, "scope="+ordersURI+"/.default")).json(t)
		if got := verifyAccess(t, s, ordersID, text(t, orders["access_token"])); got["scp"] != "Orders.Read" || got["azp"] != s.ClientID {
			t.Errorf("version %d: %v", version, got)
		}
		if renewed := redeem(t, s, refreshForm(s, text(t, body["refresh_token"]))); renewed.StatusCode != http.StatusOK {
			t.Errorf("version %d: renewing: %s", version, renewed.body)
		}
		if !slices.Contains(s.Secrets(), assertion) || s.Requests(entratest.Token)[0].User != adeleName {
			t.Errorf("version %d: the assertion is no secret, or the request has no user", version)
		}
	}
}

func TestOnBehalfOf_SatisfiesMSAL(t *testing.T) {
	t.Parallel()
	s := newServer(t, withOwnAPI(2))
	client := newClient(t, s)
	consented(t, s, adeleName, ownScope)
	assertion := s.Issue(adeleName, ownScope)
	if _, err := client.AcquireTokenOnBehalfOf(t.Context(), assertion, graphScope); err == nil || !strings.Contains(err.Error(), "AADSTS65001") {
		t.Errorf("without consent: %v", err)
	}
	consented(t, s, adeleName, "User.Read")
	result, err := client.AcquireTokenOnBehalfOf(t.Context(), assertion, graphScope)
	if err != nil {
		t.Fatal(err)
	}
	if owner, _ := s.TokenUser(result.AccessToken); owner != adeleName || result.Account.PreferredUsername != adeleName {
		t.Errorf("the token is of %q, the account %q", owner, result.Account.PreferredUsername)
	}
}

func TestOnBehalfOf_IsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, withOwnAPI(2), entratest.WithAppPermissions(strings.TrimSuffix(ownScope, "access_as_user")+"Task.Run"))
		consented(t, s, adeleName, ownScope, "User.Read")
		consented(t, s, "LeeG@contoso.com", ownScope, "User.Read")
		consented(t, s, "AlexW@contoso.com", ownScope, "User.Read")
		good, revoked, disabled := s.Issue(adeleName, ownScope), s.Issue("LeeG@contoso.com", ownScope), s.Issue("AlexW@contoso.com", ownScope)
		s.Revoke("LeeG@contoso.com")
		s.Disable("AlexW@contoso.com")
		application := text(t, redeem(t, s, appForm(s, "scope="+strings.TrimSuffix(ownScope, "access_as_user")+".default")).json(t)["access_token"])
		idToken := text(t, tokens(t, s, "MeganB@contoso.com")["id_token"])
		for name, tt := range map[string]struct {
			form     string
			status   int
			oauth    string
			code     int
			suberror string
		}{
			"no use":                  {oboForm(s, good, "requested_token_use="), 400, "invalid_request", 900144, ""},
			"another use":             {oboForm(s, good, "requested_token_use=x"), 400, "invalid_request", 90023, ""},
			"no assertion":            {oboForm(s, ""), 400, "invalid_request", 900144, ""},
			"no scope":                {oboForm(s, good, "scope="), 400, "invalid_request", 900144, ""},
			"no consent":              {oboForm(s, good, "scope=Mail.Read"), 400, "invalid_grant", 65001, "consent_required"},
			"two resources":           {oboForm(s, good, "scope=User.Read "+ordersURI+"/Orders.Read"), 400, "invalid_request", 28002, ""},
			"an unknown resource":     {oboForm(s, good, "scope=api://nobody/x"), 400, "invalid_resource", 500011, ""},
			"a token for Graph":       {oboForm(s, s.Issue(adeleName)), 400, "invalid_grant", 500131, ""},
			"a token for another API": {oboForm(s, s.Issue(adeleName, ordersURI+"/Orders.Read")), 400, "invalid_grant", 500131, ""},
			"an ID token":             {oboForm(s, idToken), 400, "invalid_grant", 240002, ""},
			"a token of the app":      {oboForm(s, application), 400, "invalid_grant", 7000114, ""},
			"a forged token":          {oboForm(s, good[:len(good)-4]+"AAAA"), 400, "invalid_grant", 50013, ""},
			"nonsense":                {oboForm(s, "x"), 400, "invalid_request", 50027, ""},
			"a revoked user":          {oboForm(s, revoked), 400, "invalid_grant", 50173, "bad_token"},
			"a disabled user":         {oboForm(s, disabled), 400, "invalid_grant", 50057, ""},
			"another factor":          {oboForm(s, good, "claims="+demandC1), 400, "invalid_grant", 50076, "basic_action"},
			"a wrong secret":          {oboForm(s, good, "client_secret=x"), 401, "invalid_client", 7000215, ""},
		} {
			a := redeem(t, s, tt.form)
			t.Log(name)
			wantError(t, a, tt.status, tt.oauth, tt.code, tt.suberror)
		}
		time.Sleep(2 * time.Hour)
		wantError(t, redeem(t, s, oboForm(s, good)), 400, "invalid_grant", 500133, "")
	})
}

// Entra's documentation of .default: consent to the permissions of the registration, of all APIs.
func TestOnBehalfOf_DefaultConsentsToWhatTheAPICalls(t *testing.T) {
	t.Parallel()
	everything := strings.TrimSuffix(ownScope, "access_as_user") + ".default"
	s := newServer(t, withOwnAPI(2), entratest.WithScopes(strings.TrimSuffix(ownScope, "access_as_user")+"Admin"))
	consented(t, s, adeleName, ownScope)
	assertion := s.Issue(adeleName, ownScope)
	wantError(t, redeem(t, s, oboForm(s, assertion)), 400, "invalid_grant", 65001, "consent_required")

	b := newBrowser(t, s)
	b.press(url.Values{"user": {adeleName}}, "scope=openid "+everything)
	page := b.open("scope=openid "+everything, "prompt=consent")
	b.wants(page, "consent")
	for _, name := range []string{"access_as_user", "read your profile", "Orders.Read"} {
		if !strings.Contains(page.body, name) {
			t.Errorf("%s is not requested:\n%s", name, page.body)
		}
	}
	if strings.Contains(page.body, "Admin") {
		t.Errorf("a permission that the app is not registered with is requested:\n%s", page.body)
	}
	b.press(url.Values{"user": {adeleName}, "action": {"accept"}}, "scope=openid "+everything, "prompt=consent")
	for _, scope := range []string{"User.Read", ordersURI + "/.default"} {
		if a := redeem(t, s, oboForm(s, assertion, "scope="+scope)); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", scope, a.body)
		}
	}
}
