package discovery

import (
	"net/url"
	"strings"
	"testing"
)

// An accepted configuration is the authority's own, and its endpoints for secrets are on the same host
// and encrypted (OpenID Connect Discovery 1.0 section 4.3).
func FuzzConfiguration(f *testing.F) {
	const (
		host   = "https://login.example"
		tenant = "/11111111-2222-3333-4444-555555555555"
		one    = host + tenant
	)
	genuine := `{"issuer":"` + one + `/v2.0","authorization_endpoint":"` + one + `/a","token_endpoint":"` + one + `/t","jwks_uri":"` + one + `/k","end_session_endpoint":"` + one + `/e"}`
	f.Add(genuine)
	f.Add(strings.Replace(genuine, one+"/t", "https://evil.example/t", 1))
	f.Add(strings.Replace(genuine, one+"/t", "https://login.example@evil.example/t", 1))
	f.Add(strings.Replace(genuine, one+"/k", "http://login.example/k", 1))
	f.Add(strings.Replace(genuine, one+"/k", `https:\\\\evil.example/k`, 1))
	f.Add(strings.Replace(genuine, one+"/e", "javascript:alert(1)", 1))
	f.Add(strings.Replace(genuine, `"issuer"`, `"Issuer"`, 1))
	f.Add(strings.Replace(genuine, one+"/v2.0", host+"/{tenantid}/v2.0", 1))
	f.Add(`{"issuer":"https://sts.windows.net` + tenant + `/","jwks_uri":"` + one + `/k"}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		if m, err := parse([]byte(body)); err == nil && m.validate(one) == nil {
			if m.Issuer != one+version {
				t.Fatalf("the issuer is %q:\n%s", m.Issuer, body)
			}
			checkOwn(t, body, m.TokenEndpoint, m.JWKSURI)
			checkBrowsers(t, body, m.AuthorizationEndpoint, m.EndSessionEndpoint)
		}
		from, err := url.Parse(one + path)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := parseVersion1([]byte(body), from); err == nil {
			if !strings.HasSuffix(m.Issuer, tenant+"/") {
				t.Fatalf("the issuer of version 1 is %q:\n%s", m.Issuer, body)
			}
			checkOwn(t, body, m.JWKSURI)
		}
	})
}

func checkOwn(t *testing.T, body string, addresses ...string) {
	t.Helper()
	for _, address := range addresses {
		if !strings.HasPrefix(strings.ToLower(address), "https://login.example") {
			t.Fatalf("%q is accepted:\n%s", address, body)
		}
		if u, err := url.Parse(address); err != nil || !strings.EqualFold(u.Host, "login.example") {
			t.Fatalf("%q is accepted:\n%s", address, body)
		}
	}
}

func checkBrowsers(t *testing.T, body string, addresses ...string) {
	t.Helper()
	for _, address := range addresses {
		if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
			t.Fatalf("a browser is sent to %q:\n%s", address, body)
		}
	}
}
