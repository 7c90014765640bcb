package entratest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// fromBrowser makes a request over plain http, as a page of an origin does; names below localhost resolve as in
// browsers.
func fromBrowser(t *testing.T, origin, address, form string) answer {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	method := http.MethodGet
	if form != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:"+u.Port()+u.RequestURI(), strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = u.Host
	r.Header.Set("Origin", origin)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return do(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, r)
}

// A browser does not trust the emulator's certificate, and pages can read only the responses that the
// emulator allows.
func TestListen_PagesOfASinglePageAppNeedNoCertificate(t *testing.T) {
	t.Parallel()
	const page = "http://localhost:3000"
	s := listening(t, entratest.WithSPARedirectURI(page+"/"))
	document := s.BrowserURL + "/" + s.TenantID + "/v2.0/.well-known/openid-configuration"
	var configuration struct {
		Issuer    string `json:"issuer"`
		Authorize string `json:"authorization_endpoint"`
		Token     string `json:"token_endpoint"`
		Keys      string `json:"jwks_uri"`
	}
	a := fromBrowser(t, page, document, "")
	if err := json.Unmarshal([]byte(a.body), &configuration); err != nil || a.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("%v %v\n%s", err, a.Header, a.body)
	}
	for _, address := range []string{configuration.Authorize, configuration.Token, configuration.Keys} {
		if !strings.HasPrefix(address, s.BrowserURL+"/") {
			t.Errorf("%s is not at %s", address, s.BrowserURL)
		}
	}
	if configuration.Issuer != s.Authority+"/v2.0" {
		t.Errorf("issuer %s", configuration.Issuer)
	}
	if keys := fromBrowser(t, page, configuration.Keys, ""); keys.StatusCode != http.StatusOK {
		t.Errorf("keys: %d %s", keys.StatusCode, keys.body)
	}
	code := signIn(t, s, adeleName, "redirect_uri="+page+"/", "response_mode=fragment").Values.Get("code")
	form := codeForm(s, code, "client_secret=", "redirect_uri="+page+"/")
	for name, origin := range map[string]string{"another origin": "https://evil.example", "no page": ""} {
		if a := fromBrowser(t, origin, configuration.Token, form); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
		if a := fromBrowser(t, origin, document, ""); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s, the document: %d %s", name, a.StatusCode, a.body)
		}
	}
	if a := fromBrowser(t, page, configuration.Token, form); a.StatusCode != http.StatusOK || a.Header.Get("Access-Control-Allow-Origin") != page {
		t.Errorf("the token: %d %v\n%s", a.StatusCode, a.Header, a.body)
	}
	if graph := fromBrowser(t, page, s.BrowserURL+"/v1.0/me", ""); graph.StatusCode == http.StatusOK {
		t.Error("Graph is served on plain http")
	}
}
