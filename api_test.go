package fibermsal_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestAPI_AcceptsTheCallersThatARouteNames(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		idp := newIDP(t, entratest.WithAPI(ownAPI(version)), entratest.WithAppPermissions(apiURI+"/Orders.Read.All"))
		s := newAPI(t, idp)
		user, app := idp.Issue(adele, apiScope), idp.IssueForApp(apiURI+"/.default")
		for _, row := range []struct {
			path, token string
			status      int
			says        string
		}{
			{"/api/me", user, 200, adele},
			{"/api/me", app, 403, `"code":"forbidden"`},
			{"/api/me", "", 401, `"code":"login_required"`},
			{"/api/scope", user, 403, `"code":"insufficient_scope"`},
			{"/api/scope", idp.Issue(adele, apiURI+"/Orders.Write"), 200, adele},
			{"/api/role", user, 200, adele},
			{"/api/role", idp.Issue(alex, apiScope), 403, `"code":"forbidden"`},
			{"/api/role", app, 200, `"app_only":true`},
			{"/api/app", app, 200, `"app_only":true`},
			{"/api/app", user, 403, `"code":"forbidden"`},
			{"/both", user, 200, adele},
			{"/both", app, 403, `"code":"forbidden"`},
			{"/cookie", user, 401, `"code":"login_required"`},
			{"/user/info", user, 200, `{"authenticated":false}`},
			{"/api/c1", user, 401, `"code":"claims_challenge"`},
			{"/api/fresh", user, 401, `"max_age":60`},
		} {
			if a := s.call(row.path, row.token); a.StatusCode != row.status || !strings.Contains(a.Text, row.says) {
				t.Errorf("version %d, %s with %.10s…: %d %s\n%s", version, row.path, row.token, a.StatusCode, a.Text, s.log)
			}
		}
	}
}

func TestAPI_AnswersAsRFC6750Says(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := newAPI(t, idp)
	user := idp.Issue(adele, apiScope)
	for name, row := range map[string]struct {
		path, token string
		headers     []string
		status      int
		challenge   string
	}{
		"no token":           {"/api/me", "", nil, 401, `Bearer realm="https://app.example"`},
		"no token, a page":   {"/api/me", "", []string{"Accept: text/html", "Sec-Fetch-Mode: navigate"}, 401, `Bearer realm="https://app.example"`},
		"another scheme":     {"/api/me", "", []string{"Authorization: Basic YTpi"}, 401, `Bearer realm="https://app.example"`},
		"not a token":        {"/api/me", "abc", nil, 401, `error="invalid_token"`},
		"lower case":         {"/api/me", "", []string{"Authorization: bearer " + user}, 200, ""},
		"two headers":        {"/api/me", user, []string{"Authorization: Bearer " + user}, 400, `error="invalid_request"`},
		"without a value":    {"/api/me", "", []string{"Authorization: Bearer"}, 400, `error="invalid_request"`},
		"two values":         {"/api/me", user + " " + user, nil, 400, `error="invalid_request"`},
		"in the query":       {"/api/me?access_token=x", "", nil, 400, `error="invalid_request"`},
		"in both":            {"/api/me?access_token=x", user, nil, 400, `error="invalid_request"`},
		"a scope is missing": {"/api/scope", user, nil, 403, `error="insufficient_scope", error_description="The access token lacks a permission that this needs.", scope="` + apiURI + `/Orders.Write"`},
		"claims":             {"/api/c1", user, nil, 401, `claims="eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhbHVlIjoiYzEifX19"`},
		"age":                {"/api/fresh", user, nil, 401, `error="insufficient_user_authentication", error_description="Please sign in again to confirm that it is you.", max_age="60"`},
		"either, of a page":  {"/both", "", nil, 401, `Bearer realm="https://app.example", Cookie realm="fibermsal"`},
	} {
		a := s.call(row.path, row.token, row.headers...)
		challenge := a.Header.Get("WWW-Authenticate")
		if a.StatusCode != row.status || (row.challenge == "") != (challenge == "") || !strings.Contains(challenge, row.challenge) {
			t.Errorf("%s: %d %q\n%s", name, a.StatusCode, challenge, a.Text)
		}
		if row.status != 200 && a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %q", name, a.Header.Get("Content-Type"))
		}
		if strings.HasPrefix(row.path, "/api") && (a.Header.Get("Vary") != "Authorization" || !strings.Contains(a.Header.Get("Cache-Control"), "private")) {
			t.Errorf("%s: may be cached: %v", name, a.Header)
		}
	}
	if a := s.call("/both", "", "Accept: text/html", "Sec-Fetch-Mode: navigate"); a.StatusCode != http.StatusFound && a.StatusCode != http.StatusSeeOther {
		t.Errorf("a page navigation: %d", a.StatusCode)
	}
}

func TestAPI_CallsGraphOnBehalfOfTheCaller(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		idp := newIDP(t, entratest.WithAPI(ownAPI(version)))
		s := newAPI(t, idp)
		user := idp.Issue(adele, apiScope)
		if a := s.call("/api/graph", user); a.StatusCode != 403 || !strings.Contains(a.Text, `"code":"consent_required"`) || !strings.Contains(a.Header.Get("WWW-Authenticate"), `scope="`+apiURI+`/.default"`) {
			t.Errorf("version %d, without consent: %d %s %v", version, a.StatusCode, a.Text, a.Header)
		}
		b := s.browser()
		b.signIn(adele) // consents to User.Read
		user = idp.Issue(adele, apiScope)
		for range 3 {
			if a := s.call("/api/graph", user); a.StatusCode != 200 || a.Text != adele {
				t.Errorf("version %d: %d %s\n%s", version, a.StatusCode, a.Text, s.log)
			}
		}
		calls := 0
		for _, r := range idp.Requests(entratest.Token) {
			if strings.Contains(r.Form.Get("grant_type"), "jwt-bearer") {
				calls++
			}
		}
		if calls != 2 {
			t.Errorf("version %d: %d token calls", version, calls)
		}
	}
}

// The session of the cookie does not belong to the client that sends a token.
func TestAPI_ATokenIsNotMixedWithTheSessionOfACookie(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := newAPI(t, idp)
	b := s.browser()
	b.signIn(alex)
	cookie := "Cookie: " + sessionCookie + "=" + b.Jar[sessionCookie].Value
	who := func(a *answer) string {
		var u fibermsal.User
		_ = json.Unmarshal([]byte(a.Text), &u)
		return u.Username
	}
	if got := who(s.call("/both", "", cookie)); got != alex {
		t.Errorf("the session is of %q", got)
	}
	if got := who(s.call("/both", idp.Issue(adele, apiScope), cookie)); got != adele {
		t.Errorf("the token is of %q", got)
	}
	if a := s.call("/both", "broken", cookie); a.StatusCode != 401 {
		t.Errorf("a broken token beside a session: %d %s", a.StatusCode, a.Text)
	}
}
