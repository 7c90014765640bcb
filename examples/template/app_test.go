package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

const publicURL = "https://app.example"

// signIn opens a page as a user of an emulated tenant.
func signIn(t *testing.T, path, login string) *http.Response {
	t.Helper()
	idp := entratest.New(entratest.WithRedirectURI(publicURL + "/user/authorized"))
	t.Cleanup(func() { _ = idp.Close() })
	auth, err := fibermsal.Open(fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority, GraphURL: idp.GraphURL,
		HTTPClient: idp.HTTPClient, PublicURL: publicURL, Pages: drawPage,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	user, err := entratest.SignInTo(idp, newApp(auth).Test, path, login)
	if err != nil {
		t.Fatal(err)
	}
	return user.Page
}

func TestApp_GreetsUsersAndRefusesSome(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		path, login string
		status      int
		text        string
	}{
		{"/account", "AdeleV@contoso.com", http.StatusOK, "Adele Vance"},
		{"/admin", "PattiF@contoso.com", http.StatusOK, "Administration"},
		{"/admin", "AdeleV@contoso.com", http.StatusForbidden, "Your account may not do this."},
	} {
		page := signIn(t, row.path, row.login)
		body, err := io.ReadAll(page.Body)
		if err != nil || page.StatusCode != row.status || !strings.Contains(string(body), row.text) || !strings.Contains(string(body), "/style.css") {
			t.Errorf("%s for %s: %d %v\n%s", row.path, row.login, page.StatusCode, err, body)
		}
	}
}
