package entratest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

const manyID = "11111111-1111-4111-8111-111111111111"

func groupID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// withMany is a directory with a user who is a member of n groups.
func withMany(n int) entratest.Option {
	groups := make([]string, n)
	for i := range groups {
		groups[i] = groupID(i)
	}
	return entratest.WithUsers(append(entratest.Users(), entratest.User{ID: manyID, UPN: "many@contoso.com", Groups: groups})...)
}

func postJSON(t *testing.T, s *entratest.Server, path, token, body string) answer {
	t.Helper()
	return post(t, s, s.GraphURL+path, body, "Authorization: Bearer "+token, "Content-Type: application/json; charset=utf-8")
}

func list(t *testing.T, a answer) []string {
	t.Helper()
	var body struct{ Value []string }
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	return body.Value
}

func TestGroups_BeyondTheLimitOfTokensComeFromGraph(t *testing.T) {
	t.Parallel()
	s := newServer(t, withMany(201), entratest.WithAppPermissions("User.Read.All", "GroupMember.Read.All"))
	if got := claims(t, idToken(t, s, "many@contoso.com")); got["groups"] != nil || got["_claim_names"] == nil {
		t.Errorf("the ID token says %v", got)
	}
	app := text(t, redeem(t, s, appForm(s)).json(t)["access_token"])
	me := s.Issue("many@contoso.com", "User.Read", "GroupMember.Read.All")
	for path, token := range map[string]string{"/me": me, "/users/" + manyID: app, "/users/many@contoso.com": me} {
		if got := list(t, postJSON(t, s, path+"/getMemberObjects", token, `{"securityEnabledOnly":true}`)); len(got) != 201 || got[200] != groupID(200) {
			t.Errorf("%s: %d groups", path, len(got))
		}
		requested := fmt.Sprintf(`{"groupIds":[%q,%q,%q]}`, groupID(7), strings.ToUpper("abcdef00-0000-4000-8000-000000000000"), groupID(200))
		if got := list(t, postJSON(t, s, path+"/checkMemberGroups", token, requested)); !slices.Equal(got, []string{groupID(7), groupID(200)}) {
			t.Errorf("%s: member of %v", path, got)
		}
	}
	if got := list(t, postJSON(t, s, "/me/getMemberObjects", s.Issue("alexw@contoso.com"), `{"securityEnabledOnly":false}`)); got == nil || len(got) != 0 {
		t.Errorf("a user without groups has %v", got)
	}
	if s.Count(entratest.GraphGroups) != 7 {
		t.Errorf("counted %d", s.Count(entratest.GraphGroups))
	}
}

func TestGroups_CallsAreRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, withMany(11_001))
	me := s.Issue("many@contoso.com", "User.Read", "GroupMember.Read.All")
	weak := s.Issue("many@contoso.com")
	ids := strings.TrimSuffix(strings.Repeat(`"`+manyID+`",`, 21), ",")
	for name, tt := range map[string]struct {
		path, token, body string
		status            int
		code              string
	}{
		"no scope":          {"/me/getMemberObjects", s.Issue("many@contoso.com", "Mail.Read"), `{"securityEnabledOnly":true}`, 403, "Authorization_RequestDenied"},
		"a scope too few":   {"/me/checkMemberGroups", weak, `{"groupIds":["` + manyID + `"]}`, 403, "Authorization_RequestDenied"},
		"another user":      {"/users/alexw@contoso.com/getMemberObjects", me, `{"securityEnabledOnly":true}`, 403, "Authorization_RequestDenied"},
		"too many groups":   {"/me/getMemberObjects", weak, `{"securityEnabledOnly":true}`, 400, "Directory_ResultSizeLimitExceeded"},
		"no parameter":      {"/me/getMemberObjects", weak, `{}`, 400, "Request_BadRequest"},
		"no JSON":           {"/me/getMemberObjects", weak, `x`, 400, "Request_BadRequest"},
		"21 ids":            {"/me/checkMemberGroups", me, `{"groupIds":[` + ids + `]}`, 400, "Request_BadRequest"},
		"no ids":            {"/me/checkMemberGroups", me, `{"groupIds":[]}`, 400, "Request_BadRequest"},
		"a malformed id":    {"/me/checkMemberGroups", me, `{"groupIds":["x"]}`, 400, "Request_BadRequest"},
		"no JSON to check":  {"/me/checkMemberGroups", me, `[`, 400, "Request_BadRequest"},
		"nobody":            {"/users/nobody@contoso.com/getMemberObjects", me, `{}`, 404, "Request_ResourceNotFound"},
		"an unknown action": {"/me/getMemberGroups", me, `{}`, 400, "BadRequest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := postJSON(t, s, tt.path, tt.token, tt.body)
			if a.StatusCode != tt.status || !strings.Contains(a.body, `"code":"`+tt.code+`"`) {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
	if a := post(t, s, s.GraphURL+"/me/getMemberObjects", "securityEnabledOnly=true", "Authorization: Bearer "+weak); a.StatusCode != 415 {
		t.Errorf("a form gives %d", a.StatusCode)
	}
	for _, path := range []string{"/me/getMemberObjects", "/me/checkMemberGroups"} {
		if a := get(t, s, s.GraphURL+path, "Authorization: Bearer "+me); a.StatusCode != 405 {
			t.Errorf("GET %s gives %d", path, a.StatusCode)
		}
	}
}
