package fibermsal_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

const (
	wellKnown = "/.well-known/oauth-protected-resource"
	// ordersURI is an App ID URI that is also the address of the API, as clients of RFC 9728 expect.
	ordersURI = publicURL + "/orders"
)

// published is a Config's API with metadata.
func published(audiences ...string) func(*fibermsal.Config) {
	return func(cfg *fibermsal.Config) {
		cfg.Audiences = audiences
		cfg.APIMetadata = &fibermsal.APIMetadata{Scopes: []string{"access_as_user"}, Name: "Orders", Documentation: "https://docs.example/orders"}
	}
}

// request sends a request without cookies.
func (s apiSite) request(method, path string, headers ...string) *answer {
	s.t.Helper()
	r := httptest.NewRequest(method, path, http.NoBody)
	r.Host = strings.TrimPrefix(publicURL, "https://")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return s.send(r)
}

var metadataURL = regexp.MustCompile(`resource_metadata="([^"]*)"`)

func TestMetadata_IsOffByDefault(t *testing.T) {
	t.Parallel()
	s := newAPI(t, newIDP(t, entratest.WithAPI(ownAPI(2))))
	if a := s.request(http.MethodGet, wellKnown); a.StatusCode != http.StatusNotFound {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
	if challenge := s.call("/api/me", "").Header.Get("WWW-Authenticate"); strings.Contains(challenge, "resource_metadata") {
		t.Error(challenge)
	}
}

// The address is that of RFC 9728 section 3.1: the well-known path in front of the resource's path.
func TestMetadata_IsWhereClientsLookForIt(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		audiences []string
		found     []string
		missing   []string
		announced string
	}{
		"the address of the API": {
			[]string{ordersURI},
			[]string{wellKnown + "/orders", wellKnown + "/orders/", wellKnown, wellKnown + "/"},
			[]string{wellKnown + "/orders/mcp", wellKnown + "/other", wellKnown + "x", "/x" + wellKnown, "/.well-known"},
			publicURL + wellKnown + "/orders",
		},
		"with a slash":           {[]string{ordersURI + "/"}, []string{wellKnown + "/orders", wellKnown}, []string{wellKnown + "/other"}, publicURL + wellKnown + "/orders"},
		"an origin":              {[]string{publicURL}, []string{wellKnown, wellKnown + "/"}, []string{wellKnown + "/orders"}, publicURL + wellKnown},
		"of another host":        {[]string{"https://api.example/orders"}, []string{wellKnown, wellKnown + "/orders"}, nil, publicURL + wellKnown},
		"on plain http":          {[]string{"http://localhost:3000/orders"}, []string{wellKnown, wellKnown + "/orders"}, []string{wellKnown + "/x"}, publicURL + wellKnown},
		"one that is no address": {nil, []string{wellKnown}, []string{wellKnown + "/access_as_user", wellKnown + "/orders"}, publicURL + wellKnown},
	} {
		s := newAPI(t, newIDP(t, entratest.WithAPI(ownAPI(2))), published(row.audiences...))
		for _, path := range row.found {
			if a := s.request(http.MethodGet, path); a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %s: %d %v", name, path, a.StatusCode, a.Header)
			}
		}
		for _, path := range row.missing {
			if a := s.request(http.MethodGet, path); a.StatusCode != http.StatusNotFound {
				t.Errorf("%s: %s: %d %s", name, path, a.StatusCode, a.Text)
			}
		}
		challenge := metadataURL.FindStringSubmatch(s.call("/api/me", "").Header.Get("WWW-Authenticate"))
		if challenge == nil || challenge[1] != row.announced {
			t.Errorf("%s: announced at %q, want %q", name, challenge, row.announced)
		}
	}
}

func TestMetadata_NamesTheAPIAsEntraDoes(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	for _, row := range []struct{ audience, resource string }{{"", apiURI}, {ordersURI, ordersURI}, {ordersURI + "/", ordersURI}} {
		var audiences []string
		if row.audience != "" {
			audiences = []string{row.audience, apiURI}
		}
		a := newAPI(t, idp, published(audiences...)).request(http.MethodGet, wellKnown)
		var got map[string]any
		if err := json.Unmarshal([]byte(a.Text), &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"resource": row.resource, "authorization_servers": []any{idp.Authority + "/v2.0"}, "scopes_supported": []any{row.resource + "/access_as_user"},
			"bearer_methods_supported": []any{"header"}, "resource_name": "Orders", "resource_documentation": "https://docs.example/orders",
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %s", row.audience, a.Text)
		}
	}
	a := newAPI(t, idp, func(cfg *fibermsal.Config) {
		cfg.APIMetadata = &fibermsal.APIMetadata{Scopes: []string{"a", "api://other/b"}}
	}).request(http.MethodGet, wellKnown)
	if want := `"scopes_supported":["` + apiURI + `/a","api://other/b"],"bearer_methods_supported":["header"]}`; !strings.HasSuffix(a.Text, want) {
		t.Errorf("%s, want %s", a.Text, want)
	}
}

// Pages of other origins read it, and send the version of their protocol, for which browsers ask first.
func TestMetadata_IsForPagesOfAllOrigins(t *testing.T) {
	t.Parallel()
	s := newAPI(t, newIDP(t, entratest.WithAPI(ownAPI(2))), published(ordersURI))
	for _, row := range []struct {
		method string
		status int
		header string
		value  string
	}{
		{http.MethodGet, 200, "Cache-Control", "public, max-age=3600"},
		{http.MethodHead, 200, "Content-Type", "application/json"},
		{http.MethodOptions, 204, "Access-Control-Allow-Headers", "*"},
		{http.MethodOptions, 204, "Access-Control-Allow-Methods", "GET"},
		{http.MethodPost, 405, "Allow", "GET, HEAD, OPTIONS"},
		{http.MethodDelete, 405, "Allow", "GET, HEAD, OPTIONS"},
	} {
		a := s.request(row.method, wellKnown, "Origin: https://client.example", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: mcp-protocol-version")
		if a.StatusCode != row.status || a.Header.Get(row.header) != row.value {
			t.Errorf("%s: %d %s: %q", row.method, a.StatusCode, row.header, a.Header.Get(row.header))
		}
		if origins := a.Header.Values("Access-Control-Allow-Origin"); len(origins) != 1 || origins[0] != "*" {
			t.Errorf("%s: for the origins %q", row.method, origins)
		}
		if a.Header.Get("Access-Control-Allow-Credentials") != "" || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", row.method, a.Header)
		}
		if row.method == http.MethodHead && a.Text != "" {
			t.Errorf("HEAD has the body %q", a.Text)
		}
	}
}

// A proxy forwards the base path only, so the challenge names the address below it.
func TestMetadata_IsBelowTheBasePath(t *testing.T) {
	t.Parallel()
	for name, strips := range map[string]bool{"strips": true, "keeps": false} {
		b := behindProxy(t, strips, published(publicURL+"/myapp/orders"))
		seen := map[bool]string{true: "", false: "/myapp"}[strips]
		b.app.Get(seen+"/orders", fibermsal.RequireToken(), func(c *fiber.Ctx) error { return c.SendString("orders") })
		announced := metadataURL.FindStringSubmatch(b.Get("/myapp/orders").Header.Get("WWW-Authenticate"))
		if announced == nil || announced[1] != publicURL+"/myapp"+wellKnown {
			t.Fatalf("%s: announced at %q", name, announced)
		}
		for path, status := range map[string]int{
			"/myapp" + wellKnown: 200, "/myapp" + wellKnown + "/myapp/orders": 200, "/myapp" + wellKnown + "/other": 404,
		} {
			a := b.Get(path)
			if a.StatusCode != status || status == 200 && !strings.Contains(a.Text, `"resource":"`+publicURL+`/myapp/orders"`) {
				t.Errorf("%s: %s: %d %s", name, path, a.StatusCode, a.Text)
			}
		}
	}
}
