package entratest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestGraph_RefusesWhatItDoesNotHave(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithManagerScope("User.Read.All"))
	for path, want := range map[string]int{
		"/users/me-token-to-replace":              404,
		"/users/me-token-to-replace/photo/$value": 404,
		"/me/photos/50x50/$value":                 400,
		"/me?$select=displayName,shoeSize":        400,
		"/me/nonsense":                            400,
		"/me/":                                    400,
		"/me/manager":                             403,
		"/ME":                                     400,
	} {
		if a := get(t, s, s.GraphURL+path, "Authorization: Bearer "+s.Issue("adelev@contoso.com")); a.StatusCode != want {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	if a := get(t, s, s.GraphURL+"/me/manager", "Authorization: Bearer "+s.Issue("adelev@contoso.com", "User.Read.All")); a.StatusCode != http.StatusOK {
		t.Errorf("with User.Read.All: %s", a.body)
	}
	if a := post(t, s, s.GraphURL+"/me", "", "Authorization: Bearer "+s.Issue("adelev@contoso.com")); a.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST gives %d", a.StatusCode)
	}
	if a := get(t, s, strings.Replace(s.GraphURL, "graph.", "login.", 1)+"/me"); a.StatusCode != http.StatusNotFound {
		t.Errorf("the sign-in host answers for Graph: %d", a.StatusCode)
	}
}
