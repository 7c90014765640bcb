package graph_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

func TestRoutes_NeedASignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, path := range []string{"/user/photo", "/user/manager"} {
		if got := s.browser(t).Get(path); got.StatusCode != http.StatusUnauthorized || !strings.Contains(got.Text, "login_required") {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.Text)
		}
	}
	if n := s.entra.Count(entratest.GraphPhoto) + s.entra.Count(entratest.GraphManager); n != 0 {
		t.Errorf("Graph got %d requests", n)
	}
}

func TestRoutes_CanBeMountedElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	graph.RegisterRoutes(s.app, "/account/")
	if got := s.signIn(t, adele).Get("/account/photo"); got.StatusCode != http.StatusOK {
		t.Errorf("got %d", got.StatusCode)
	}
}

func TestRoutes_ManagerIsJSON(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	got := s.signIn(t, adele).Get("/user/manager")
	const want = `{"id":"2b7c52d7-6b10-4a1f-8e4f-1d6f7a2c1b02","displayName":"Miriam Graham","mail":"MiriamG@contoso.com",` +
		`"userPrincipalName":"MiriamG@contoso.com","jobTitle":"Director","department":null,"officeLocation":"131/2103",` +
		`"mobilePhone":null,"businessPhones":["+1 858 555 0109"]}`
	if got.StatusCode != http.StatusOK || got.Text != want {
		t.Errorf("got %d %s", got.StatusCode, got.Text)
	}
	checkHeaders(t, got.Header, map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store, private", "Vary": "Cookie", "X-Content-Type-Options": "nosniff",
	})
}

func TestRoutes_ManagerOfAUserWithoutOneIsAProblemDocument(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	got := s.signIn(t, patti).Get("/user/manager")
	var problem struct {
		Code   string
		Status int
		Title  string
	}
	if err := json.Unmarshal([]byte(got.Text), &problem); err != nil {
		t.Fatal(err)
	}
	if got.StatusCode != http.StatusNotFound || problem.Status != 404 || problem.Code != "no_manager" || problem.Title == "" {
		t.Errorf("got %d %s", got.StatusCode, got.Text)
	}
	checkHeaders(t, got.Header, map[string]string{"Content-Type": "application/problem+json", "Cache-Control": "no-store, private"})
}
