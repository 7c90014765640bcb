package entratest_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

const (
	spaOrigin = "https://spa.example"
	spaURI    = spaOrigin + "/callback"
)

// fromPage is a token call of a page.
func fromPage(t *testing.T, s *entratest.Server, form, origin string) answer {
	t.Helper()
	return post(t, s, s.Authority+"/oauth2/v2.0/token", form, "Origin: "+origin)
}

// spaCode signs in as a single-page app.
func spaCode(t *testing.T, s *entratest.Server) string {
	t.Helper()
	return signIn(t, s, adeleName, "redirect_uri="+spaURI, "response_mode=fragment").Values.Get("code")
}

var ofSPA = []string{"client_secret=", "redirect_uri=" + spaURI}

func TestSPA_RedeemsWithoutACredential(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, entratest.WithSPARedirectURI(spaURI))
		a := fromPage(t, s, codeForm(s, spaCode(t, s), ofSPA...), spaOrigin)
		if a.StatusCode != http.StatusOK || a.Header.Get("Access-Control-Allow-Origin") != spaOrigin {
			t.Fatalf("%s with %v", a.body, a.Header)
		}
		body := a.json(t)
		if body["refresh_token_expires_in"] != float64(24*60*60) {
			t.Errorf("refresh_token_expires_in is %v", body["refresh_token_expires_in"])
		}
		me := get(t, s, s.GraphURL+"/me", "Authorization: Bearer "+text(t, body["access_token"]), "Origin: "+spaOrigin)
		if me.StatusCode != http.StatusOK || me.Header.Get("Access-Control-Allow-Origin") != spaOrigin {
			t.Errorf("/me: %d %v", me.StatusCode, me.Header)
		}
		time.Sleep(23 * time.Hour)
		renewed := fromPage(t, s, refreshForm(s, text(t, body["refresh_token"]), "client_secret="), spaOrigin)
		if renewed.StatusCode != http.StatusOK || renewed.json(t)["refresh_token_expires_in"] != float64(60*60) {
			t.Fatal(renewed.body)
		}
		time.Sleep(time.Hour)
		again := refreshForm(s, text(t, renewed.json(t)["refresh_token"]), "client_secret=")
		wantError(t, fromPage(t, s, again, spaOrigin), 400, "invalid_grant", 700084, "")
	})
}

func TestSPA_IsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithSPARedirectURI(spaURI), withOwnAPI(2))
	code, web := spaCode(t, s), signIn(t, s, adeleName).Values.Get("code")
	for name, tt := range map[string]struct {
		answer
		status int
		oauth  string
		code   int
	}{
		"with a secret":          {fromPage(t, s, codeForm(s, code, "redirect_uri="+spaURI), spaOrigin), 401, "invalid_client", 700025},
		"from a server":          {redeem(t, s, codeForm(s, code, ofSPA...)), 400, "invalid_request", 9002327},
		"without a verifier":     {fromPage(t, s, codeForm(s, code, append(ofSPA, "code_verifier=")...), spaOrigin), 400, "invalid_grant", 501481},
		"another client":         {fromPage(t, s, codeForm(s, code, append(ofSPA, "client_id=99990000-aaaa-2222-bbbb-3333cccc4444")...), spaOrigin), 400, "unauthorized_client", 700016},
		"a web app's code":       {fromPage(t, s, codeForm(s, web), spaOrigin), 400, "invalid_request", 9002326},
		"that without a secret":  {redeem(t, s, codeForm(s, web, "client_secret=")), 401, "invalid_client", 7000218},
		"client credentials":     {fromPage(t, s, appForm(s, "client_secret="), spaOrigin), 401, "invalid_client", 7000218},
		"on-behalf-of":           {fromPage(t, s, oboForm(s, s.Issue(adeleName, ownScope), "client_secret="), spaOrigin), 401, "invalid_client", 7000218},
		"without SPA registered": {fromPage(t, newServer(t), codeForm(s, "1.x", "client_secret="), spaOrigin), 401, "invalid_client", 7000218},
	} {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // the answers are there already
			wantError(t, tt.answer, tt.status, tt.oauth, tt.code, "")
		})
	}
	for _, a := range []answer{fromPage(t, s, codeForm(s, code, ofSPA...), spaOrigin), redeem(t, s, codeForm(s, web))} {
		if a.StatusCode != http.StatusOK {
			t.Errorf("the refused attempts have spent the code: %s", a.body)
		}
	}
	refused := signInFails(t, s, "redirect_uri="+spaURI, "code_challenge=", "code_challenge_method=")
	if !strings.Contains(refused, "AADSTS9002325") {
		t.Errorf("without PKCE: %s", refused)
	}
}

func signInFails(t *testing.T, s *entratest.Server, changes ...string) string {
	t.Helper()
	r, err := s.SignIn(authorizeURL(s, changes...), adeleName)
	if err != nil {
		t.Fatal(err)
	}
	return r.Values.Get("error_description")
}

// The Fetch Standard's CORS protocol.
func TestSPA_PagesOfItsOriginMayCall(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithSPARedirectURI(spaURI, "http://localhost/spa", "https://Shop.Example:443/spa"))
	for name, tt := range map[string]struct{ target, origin, allowed string }{
		"token":                       {s.Authority + "/oauth2/v2.0/token", spaOrigin, spaOrigin},
		"token, local port":           {s.Authority + "/oauth2/v2.0/token", "http://localhost:5173", "http://localhost:5173"},
		"token, as browsers write it": {s.Authority + "/oauth2/v2.0/token", "https://shop.example", "https://shop.example"},
		"token, another":              {s.Authority + "/oauth2/v2.0/token", "https://evil.example", ""},
		"token, a subdomain":          {s.Authority + "/oauth2/v2.0/token", "https://spa.example.evil.example", ""},
		"Graph":                       {s.GraphURL + "/me", "https://any.example", "https://any.example"},
		"userinfo":                    {"https://graph.entra.test/oidc/userinfo", spaOrigin, spaOrigin},
		"a document":                  {s.Authority + "/v2.0/.well-known/openid-configuration", spaOrigin, spaOrigin},
		"a page":                      {s.Authority + "/oauth2/v2.0/authorize", spaOrigin, ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, tt.target, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", tt.origin)
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "authorization,client-request-id")
		a := do(t, s.HTTPClient, r)
		if got := a.Header.Get("Access-Control-Allow-Origin"); got != tt.allowed {
			t.Errorf("%s: allowed is %q", name, got)
		}
		if answered := a.StatusCode == http.StatusNoContent && a.Header.Get("Access-Control-Allow-Headers") == "authorization,client-request-id"; answered != (tt.allowed != "") {
			t.Errorf("%s: %d %v", name, a.StatusCode, a.Header)
		}
	}
	failed := fromPage(t, s, "", spaOrigin)
	if failed.StatusCode != 400 || failed.Header.Get("Access-Control-Allow-Origin") != spaOrigin {
		t.Errorf("a page cannot read a refusal: %d %v", failed.StatusCode, failed.Header)
	}
}
