package entratest_test

import (
	"bytes"
	"encoding/base64"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestGraph_accepts_only_its_own_live_tokens(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithScopes("api://orders/Orders.Read"))
	other := newServer(t)
	code := signIn(t, s, "adelev@contoso.com", "scope=openid api://orders/Orders.Read").Values.Get("code")
	foreign := text(t, redeem(t, s, codeForm(s, code, "scope=api://orders/Orders.Read")).json(t)["access_token"])
	good := s.Issue("adelev@contoso.com")
	tests := []struct {
		name, authorization string
		status              int
		message             string
	}{
		{"nothing", "", 401, "empty"},
		{"another scheme", "Basic " + good, 401, "empty"},
		{"garbage", "Bearer x", 401, "80049217"},
		{"a changed token", "Bearer " + good + "x", 401, "80049217"},
		{"another server's token", "Bearer " + other.Issue("adelev@contoso.com"), 401, "80049217"},
		{"an ID token", "Bearer " + idToken(t, s, "adelev@contoso.com"), 401, "80049217"},
		{"another API's token", "Bearer " + foreign, 401, "audience"},
		{"a token without the scope", "Bearer " + s.Issue("adelev@contoso.com", "Mail.Read"), 403, "Insufficient"},
		{"a larger scope", "Bearer " + s.Issue("adelev@contoso.com", "User.ReadWrite"), 200, ""},
		{"the right one", "Bearer " + good, 200, ""},
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

func TestGraph_challenges_capable_clients_after_a_revocation(t *testing.T) {
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

func TestGraph_serves_photos_by_size(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for path, want := range map[string]int{
		"/me/photo/$value": 432, "/me/photos/48x48/$value": 48, "/me/photos/240X240/$value": 240, "/me/photos/648x648/$value": 432,
	} {
		a := get(t, s, s.GraphURL+path, "Authorization: Bearer "+s.Issue("adelev@contoso.com"))
		picture, err := jpeg.Decode(strings.NewReader(a.body))
		if err != nil || a.Header.Get("Content-Type") != "image/jpeg" || a.Header.Get("ETag") == "" {
			t.Fatalf("%s: %v %v", path, err, a.Header)
		}
		if got := picture.Bounds().Dx(); got != want {
			t.Errorf("%s is %d wide, want %d", path, got, want)
		}
	}
}

func TestGraph_refuses_what_it_does_not_have(t *testing.T) {
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

func TestUsers_are_a_small_company(t *testing.T) {
	t.Parallel()
	byID := map[string]entratest.User{}
	for _, u := range entratest.Users() {
		byID[u.ID] = u
	}
	var withoutManager, withoutPhoto, withoutMail, guests []string
	for _, u := range entratest.Users() {
		if _, known := byID[u.ManagerID]; u.ManagerID == "" {
			withoutManager = append(withoutManager, u.GivenName)
		} else if !known {
			t.Errorf("%s has an unknown manager", u.UPN)
		}
		if u.Photo == nil {
			withoutPhoto = append(withoutPhoto, u.GivenName)
		} else if _, err := jpeg.Decode(bytes.NewReader(u.Photo)); err != nil {
			t.Errorf("%s: %v", u.UPN, err)
		}
		if u.Mail == "" {
			withoutMail = append(withoutMail, u.GivenName)
		}
		if u.IsGuest() {
			guests = append(guests, u.GivenName)
		}
	}
	for what, got := range map[string][]string{"Patti": withoutManager, "Isaiah": withoutPhoto, "Johanna": withoutMail, "Pradeep": guests} {
		if len(got) != 1 || got[0] != what {
			t.Errorf("got %v, want %s", got, what)
		}
	}
}

func TestIssue_heeds_the_lifetime(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.SetAccessTokenLifetime(time.Nanosecond)
	if a := get(t, s, s.GraphURL+"/me", "Authorization: Bearer "+s.Issue("adelev@contoso.com")); a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, "expired") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
