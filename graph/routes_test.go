package graph_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
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
	entra := entratest.New(entratest.WithRedirectURI(publicURL + "/account/authorized"))
	s := siteOf(t, entra, func(cfg *fibermsal.Config) { cfg.RoutePrefix = "/account" })
	b := s.signIn(t, adele)
	for path, want := range map[string]int{
		"/account/photo": http.StatusOK, "/account/manager": http.StatusOK,
		"/user/photo": http.StatusNotFound, "/user/manager": http.StatusNotFound,
	} {
		if got := b.Get(path); got.StatusCode != want {
			t.Errorf("%s: got %d", path, got.StatusCode)
		}
	}
}

// The routes are values that the caller may change before they are mounted.
func TestRoutes_CanBeRenamed(t *testing.T) {
	t.Parallel()
	routes := graph.Routes()
	if len(routes) != 2 {
		t.Fatalf("got %d routes", len(routes))
	}
	for i := range routes {
		routes[i].Path = "/renamed"
	}
	for _, route := range graph.Routes() {
		if route.Path == "/renamed" {
			t.Error("a change affects later calls")
		}
	}
}

func TestRoutes_WithoutTheMiddlewareSayWhatToDo(t *testing.T) {
	t.Parallel()
	app := newApp()
	fibermsal.RegisterRoutes(app, graph.Routes())
	for _, path := range []string{"/user/photo", "/user/manager"} {
		resp, err := testApp(app, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusInternalServerError {
			t.Errorf("%s: got %d", path, resp.StatusCode)
		}
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
