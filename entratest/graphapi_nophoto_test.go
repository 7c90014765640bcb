package entratest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// Graph refuses an absent photo with the error of whichever service it would be in.
func TestGraph_AbsentPhotosAreRefusedInManyWays(t *testing.T) {
	t.Parallel()
	person := func(id string, status int, guest bool) entratest.User {
		u := entratest.User{ID: "00000000-0000-4000-8000-00000000000" + id, UPN: "u" + id + "@contoso.com", PhotoStatus: status}
		if guest {
			u.HomeTenantID, u.HomeID = "bbbbcccc-1111-dddd-2222-eeee3333ffff", "7fa096fb-af54-4e53-8283-51a0be605f06"
		}
		return u
	}
	s := newServer(t, entratest.WithUsers(
		person("1", 0, false), person("2", 0, true), person("3", 400, false), person("4", 403, false), person("5", 404, true), person("6", 501, false), person("7", 401, false),
	), entratest.WithExtraTenant("9188040d-6c67-4c5b-b112-36a304b66dad", entratest.User{ID: "00000000-0000-4000-8000-000000000008", UPN: "u8@outlook.com"}))
	for login, want := range map[string]struct {
		status int
		code   string
	}{
		"u1@contoso.com": {404, "ImageNotFound"},
		"u2@contoso.com": {401, "UnknownError"}, // a guest
		"u3@contoso.com": {400, "AuthenticationError"},
		"u4@contoso.com": {403, "ErrorAccessDenied"},
		"u5@contoso.com": {404, "ImageNotFound"},
		"u6@contoso.com": {501, "NotImplemented"},
		"u7@contoso.com": {401, "UnknownError"},
		"u8@outlook.com": {404, "ConsumerPhotoIsNotSupported"},
	} {
		for _, path := range []string{"/me/photo/$value", "/me/photos/48x48/$value", "/users/" + login + "/photo/$value"} {
			a := graphGet(t, s, login, path)
			if a.StatusCode != want.status || !strings.Contains(a.body, `"code":"`+want.code+`"`) {
				t.Errorf("%s %s: %d %s", login, path, a.StatusCode, a.body)
			}
		}
		if a := graphGet(t, s, login, "/me"); a.StatusCode != http.StatusOK {
			t.Errorf("%s: /me is %d with the same token", login, a.StatusCode)
		}
	}
	if a := graphGet(t, newServer(t), "PradeepG@fabrikam.com", "/me/photo/$value"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("the sample guest: %d", a.StatusCode)
	}
}

// entra: the metadata of an absent photo is an image of one pixel.
func TestGraph_ServesPhotoMetadata(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for login, want := range map[string]struct {
		id    string
		width float64
	}{"AdeleV@contoso.com": {"432X432", 432}, "IsaiahL@contoso.com": {"1X1", 1}} {
		body := graphGet(t, s, login, "/me/photo").json(t)
		if body["id"] != want.id || body["width"] != want.width || body["height"] != want.width || body["@odata.mediaContentType"] == nil {
			t.Errorf("%s: %v", login, body)
		}
	}
}

func TestNew_RefusesAPhotoStatusThatIsNone(t *testing.T) {
	t.Parallel()
	for _, u := range []entratest.User{{PhotoStatus: 200}, {PhotoStatus: 404, Photo: []byte("jpeg")}} {
		u.ID, u.UPN = "00000000-0000-4000-8000-000000000001", "u@contoso.com"
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v is accepted", u)
				}
			}()
			entratest.New(entratest.WithUsers(u))
		}()
	}
}
