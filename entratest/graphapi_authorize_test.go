package entratest_test

import (
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestGraph_ServesTheApplicationWithoutAUser(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithAppPermissions("User.Read.All"))
	powerless := newServer(t)
	call := func(s *entratest.Server, path string) answer {
		token := text(t, redeem(t, s, appForm(s)).json(t)["access_token"])
		return get(t, s, s.GraphURL+path, "Authorization: Bearer "+token)
	}
	for path, want := range map[string]int{
		"/users/4782e723-f4f4-4af3-a76e-25e3bab0d896":                   200,
		"/users/ALEXW@contoso.com/manager":                              200,
		"/users/AlexW@contoso.com/photo/$value":                         200,
		"/users/AlexW@contoso.com/photos/48x48/$value":                  200,
		"/users/AlexW@contoso.com?$select=mail":                         200,
		"/users/AlexW@contoso.com/transitiveMemberOf":                   200,
		"/users/PradeepG_fabrikam.com%23EXT%23@contoso.onmicrosoft.com": 200,
		"/users/nobody@contoso.com":                                     404,
		"/users/PradeepG@fabrikam.com":                                  404, // a mail address is no id
		"/users/AlexW@contoso.com/nonsense":                             400, // the path is wrong, whoever the user is
		"/users/me-token-to-replace":                                    404,
		"/users":                                                        400,
		"/me":                                                           400,
		"/me/manager":                                                   400,
		"/me/photo/$value":                                              400,
	} {
		if a := call(s, path); a.StatusCode != want {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	if a := call(s, "/me"); !strings.Contains(a.body, "/me request is only valid with delegated authentication flow.") {
		t.Error(a.body)
	}
	if a := call(powerless, "/users/AlexW@contoso.com"); a.StatusCode != 403 {
		t.Errorf("without permissions: %d", a.StatusCode)
	}
	s.Disable("AlexW@contoso.com")
	if a := call(s, "/users/AlexW@contoso.com"); a.StatusCode != 200 {
		t.Error("a disabled user cannot be read")
	}
}

func TestGraph_ShowsOtherUsersOnlyWithPermission(t *testing.T) {
	t.Parallel()
	const tenant2 = "22222222-2222-4222-8222-222222222222"
	s := newServer(t, entratest.WithExtraTenant(tenant2, entratest.User{ID: "33333333-3333-4333-8333-333333333333", UPN: "TobiasF@fabrikam.com"}))
	call := func(path string, scopes ...string) int {
		return get(t, s, s.GraphURL+path, "Authorization: Bearer "+s.Issue("adelev@contoso.com", scopes...)).StatusCode
	}
	for _, tt := range []struct {
		path, scope string
		want        int
	}{
		{"/users/adelev@contoso.com", "User.Read", 200},
		{"/users/AlexW@contoso.com", "User.Read", 403},
		{"/users/AlexW@contoso.com/photo/$value", "User.Read", 403},
		{"/users/AlexW@contoso.com", "User.Read.All", 200},
		{"/users/TobiasF@fabrikam.com", "User.Read.All", 404},
	} {
		if got := call(tt.path, tt.scope); got != tt.want {
			t.Errorf("%s with %s: %d", tt.path, tt.scope, got)
		}
	}
	if s.Count(entratest.GraphUser) != 5 {
		t.Errorf("counted %d", s.Count(entratest.GraphUser))
	}
}
