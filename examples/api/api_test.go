package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/entratest"
)

const (
	pageOrigin = "http://localhost:3000"
	adele      = "AdeleV@contoso.com"
)

// startAPI starts the emulator and the API.
func startAPI(t *testing.T) (*settings, *fiber.App) {
	t.Helper()
	s := &settings{page: server{origin: pageOrigin}}
	s.auth.PublicURL, s.auth.Logger = "http://localhost:3001", slog.New(slog.DiscardHandler)
	if err := s.startEmulator(); err != nil {
		t.Fatal(err)
	}
	api, err := newAPI(s.auth, s.page.origin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = api.Shutdown(), s.idp.Close() })
	return s, api
}

// send sends a request of the page and returns the answer with its body.
func send(t *testing.T, api *fiber.App, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, http.NoBody)
	r.Header.Set("Origin", pageOrigin)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a, err := api.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a, string(body)
}

func TestAPI_AnswersWhoMayCall(t *testing.T) {
	t.Parallel()
	s, api := startAPI(t)
	user := s.idp.Issue(adele, s.apiURI()+"/access_as_user")
	writer := s.idp.Issue(adele, s.apiURI()+"/Orders.Write")
	for _, row := range []struct {
		method, path, token string
		status              int
		says                string
	}{
		{"GET", "/me", "", 401, "login_required"},
		{"GET", "/me", user, 403, "consent_required"},
		{"GET", "/me", writer, 403, "insufficient_scope"},
		{"POST", "/orders", user, 403, "insufficient_scope"},
		{"POST", "/orders", writer, 201, `{"order":1,"placedBy":"Adele Vance"}`},
		{"GET", "/orders", writer, 403, "forbidden"},
		{"GET", "/salary", user, 401, "claims_challenge"},
	} {
		header := []string{}
		if row.token != "" {
			header = append(header, "Authorization", "Bearer "+row.token)
		}
		if a, body := send(t, api, row.method, row.path, header...); a.StatusCode != row.status || !strings.Contains(body, row.says) {
			t.Errorf("%s %s: %d %s", row.method, row.path, a.StatusCode, body)
		}
	}
}

// The Fetch Standard's CORS protocol: the page must be able to read refusals, and what it has to request.
func TestAPI_RefusalsCanBeReadByThePageAlone(t *testing.T) {
	t.Parallel()
	s, api := startAPI(t)
	a, _ := send(t, api, "OPTIONS", "/me", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization,content-type")
	if a.StatusCode != http.StatusNoContent || !strings.EqualFold(a.Header.Get("Access-Control-Allow-Headers"), "authorization,content-type") {
		t.Errorf("preflight: %d %v", a.StatusCode, a.Header)
	}
	a, _ = send(t, api, "GET", "/salary", "Authorization", "Bearer "+s.idp.Issue(adele, s.apiURI()+"/access_as_user"))
	vary := strings.Join(a.Header.Values("Vary"), ", ")
	if a.Header.Get("Access-Control-Allow-Origin") != pageOrigin || a.Header.Get("Access-Control-Expose-Headers") != "WWW-Authenticate" ||
		!strings.Contains(a.Header.Get("WWW-Authenticate"), `claims="`) || !strings.Contains(vary, "Origin") || !strings.Contains(vary, "Authorization") {
		t.Errorf("%v", a.Header)
	}
	if a, _ := send(t, api, "GET", "/me", "Origin", "https://evil.example"); a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another page: %v", a.Header)
	}
}

func TestAPI_CallsGraphForAUserWhoHasConsented(t *testing.T) {
	t.Parallel()
	s, api := startAPI(t)
	s.idp.GrantAdminConsent("User.Read")
	user := s.idp.Issue(adele, s.apiURI()+"/access_as_user")
	if a, body := send(t, api, "GET", "/me", "Authorization", "Bearer "+user); a.StatusCode != http.StatusOK || !strings.Contains(body, "Retail Manager") {
		t.Errorf("%d %s", a.StatusCode, body)
	}
	if s.idp.Count(entratest.GraphMe) != 1 {
		t.Error("the answer does not come from Graph")
	}
}
