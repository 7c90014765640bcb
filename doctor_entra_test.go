package fibermsal_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestDoctor_FindsFaultsOfEntra(t *testing.T) {
	t.Parallel()
	expectFaults(t, map[string]doctorFault{
		"discovery unreachable": {"error discovery", func(d *doctorTest) {
			d.idp.ClearFaults()
			d.idp.Fault(entratest.Discovery, entratest.Fault{Drop: true})
		}},
		"discovery of somebody else": {"error discovery", func(d *doctorTest) {
			d.idp.ClearFaults()
			d.idp.Fault(entratest.Discovery, entratest.Fault{Body: `{"issuer":"https://evil.example/x/v2.0"}`})
		}},
		"discovery broken": {"error discovery", func(d *doctorTest) {
			d.idp.ClearFaults()
			d.idp.Fault(entratest.Discovery, entratest.Fault{Status: 503})
		}},
		"keys unreachable": {"error signing_keys", func(d *doctorTest) { d.idp.Fault(entratest.Keys, entratest.Fault{Drop: true}) }},
		"keys that are none": {"error signing_keys", func(d *doctorTest) {
			d.idp.Fault(entratest.Keys, entratest.Fault{Body: `{"keys":[{"kty":"EC","kid":"1"}]}`})
		}},
		"clock three min. off": {"warning clock_skew", func(d *doctorTest) { d.clock(-3 * time.Minute) }},
		"clock far ahead":      {"error clock_skew", func(d *doctorTest) { d.clock(6 * time.Minute) }},
		"clock far behind":     {"error clock_skew", func(d *doctorTest) { d.clock(-6 * time.Minute) }},
		"no Date":              {"warning clock_unchecked", func(d *doctorTest) { d.idp.ClearFaults() }},
	})
}

func TestDoctor_FindsFaultsOfTheRegistration(t *testing.T) {
	t.Parallel()
	expectFaults(t, map[string]doctorFault{
		"wrong secret": {"error secret_wrong", func(d *doctorTest) { d.cfg.ClientSecret = "a-secret-id-instead-of-its-value" }},
		"wrong secrets": {"error secret_wrong", func(d *doctorTest) {
			d.cfg.ClientSecret, d.cfg.PreviousSecrets = "a-wrong-secret", []string{"another-one"}
		}},
		"only the old secret": {"warning secret_previous", func(d *doctorTest) {
			d.cfg.ClientSecret, d.cfg.PreviousSecrets = "a-new-secret", []string{d.idp.ClientSecret}
		}},
		"expired secret": {"error secret_expired", func(d *doctorTest) {
			d.idp.SetSecrets(entratest.Secret{Value: d.idp.ClientSecret, Expires: time.Now().Add(-time.Hour)})
		}},
		"foreign certificate":    {"error certificate_unregistered", func(d *doctorTest) { d.certificate(year) }},
		"certificate at its end": {"warning certificate", func(d *doctorTest) { _, c := d.certificate(year / 30); d.idp.SetCertificates(c) }},
		"certificate past it":    {"error certificate", func(d *doctorTest) { _, c := d.certificate(-time.Hour); d.idp.SetCertificates(c) }},
		"credential at its end": {"warning certificate", func(d *doctorTest) {
			secret := d.idp.ClientSecret
			by(endingCredential{func(context.Context) (confidential.Credential, error) { return confidential.NewCredFromSecret(secret) }})(&d.cfg)
		}},
		"no certificate":      {"error credential_missing", func(d *doctorTest) { by(fibermsal.CertificateFile("/nowhere/app.pem"))(&d.cfg) }},
		"no federated token":  {"error credential_missing", func(d *doctorTest) { by(fibermsal.WorkloadIdentity("/nowhere/token"))(&d.cfg) }},
		"Entra busy":          {"warning credential_unchecked", func(d *doctorTest) { d.idp.Fault(entratest.Token, entratest.Fault{Status: 503}) }},
		"token endpoint away": {"warning credential_unchecked", func(d *doctorTest) { d.idp.Fault(entratest.Token, entratest.Fault{Drop: true}) }},
		"app disabled": {"error app_disabled", func(d *doctorTest) {
			d.idp.Fault(entratest.Token, entratest.Fault{Status: 401, OAuth: &entratest.OAuthError{Error: "unauthorized_client", Codes: []int{7000112}}})
		}},
		"an error of its own": {"error entra_refuses", func(d *doctorTest) {
			d.idp.Fault(entratest.Token, entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_request", Codes: []int{1234567}}})
		}},
		"wrong tenant":      {"error tenant_unknown", func(d *doctorTest) { d.cfg.Authority = "https://login.entra.test/11111111-2222-3333-4444-555555555555" }},
		"tenant misspelt":   {"error tenant_unknown", func(d *doctorTest) { d.cfg.Authority = "https://login.entra.test/contoso" }},
		"app not in tenant": {"error app_unknown", func(d *doctorTest) { d.cfg.ClientID = "11111111-2222-3333-4444-555555555555" }},
		"no such tenant allowed": {"error tenants", func(d *doctorTest) {
			d.cfg.Authority = "https://login.entra.test/organizations"
			d.cfg.AllowedTenants = []string{d.idp.TenantID, "11111111-2222-3333-4444-555555555555"}
		}},
		"nobody to ask": {"warning credential_unchecked", func(d *doctorTest) {
			d.cfg.Authority, d.cfg.AnyTenantMaySignIn = "https://login.entra.test/organizations", true
		}},
		"wrong redirect URI": {"error redirect_uri", func(d *doctorTest) { d.cfg.PublicURL = "https://www.app.example" }},
		"wrong prefix":       {"error redirect_uri", func(d *doctorTest) { d.cfg.RoutePrefix = "/User" }},
		"authorize broken":   {"warning redirect_uri_unchecked", func(d *doctorTest) { d.idp.Fault(entratest.Authorize, entratest.Fault{Status: 500}) }},
		"authorize unclear": {"warning redirect_uri_unchecked", func(d *doctorTest) {
			d.idp.Fault(entratest.Authorize, entratest.Fault{Body: "<html>Redirecting…</html>"})
		}},
		"authorize refuses": {"error entra_refuses", func(d *doctorTest) {
			d.idp.Fault(entratest.Authorize, entratest.Fault{Body: "<html>AADSTS650056: Misconfigured application.</html>"})
		}},
		"home unregistered": {"warning post_logout_uri", func(d *doctorTest) { d.cfg.PostLogoutURL = "https://www.contoso.com" }},
		"Graph away":        {"warning graph", func(d *doctorTest) { d.idp.Fault(entratest.GraphMe, entratest.Fault{Drop: true}) }},
		"not Graph": {"warning graph", func(d *doctorTest) {
			d.idp.Fault(entratest.GraphMe, entratest.Fault{Status: 200, Body: "<html>Log in to the Wi-Fi"})
		}},
		"Graph busy":       {"warning graph_unchecked", func(d *doctorTest) { d.idp.Fault(entratest.GraphMe, entratest.Fault{Status: 503, Body: "later"}) }},
		"unknown scope":    {"error scopes", func(d *doctorTest) { d.cfg.Scopes = []string{"User.Read", "User.Fly"} }},
		"unknown resource": {"error scopes", func(d *doctorTest) { d.cfg.Scopes = []string{"api://nothing/Read"} }},
		"scopes of two":    {"error scopes_mixed", func(d *doctorTest) { d.cfg.Scopes = []string{"User.Read", otherAPI} }},
		"a transport that panics": {"warning credential_unchecked", func(d *doctorTest) {
			inner := d.cfg.HTTPClient.Transport
			d.cfg.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				if strings.HasSuffix(r.URL.Path, "/token") {
					panic("a transport of the app's")
				}
				return inner.RoundTrip(r)
			})}
		}},
	})
}

func TestDoctor_FindsWhatEntraDoesNotRegister(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*doctorTest)
		says   string
		want   []string
	}{
		"a comma":         {func(d *doctorTest) { d.cfg.PostLogoutURL = publicURL + "/bye,now" }, "contains the character ,", []string{"warning redirect_uri_form", "warning post_logout_uri"}},
		"a bracket":       {func(d *doctorTest) { d.cfg.PostLogoutURL = publicURL + "/bye(now)" }, "PostLogoutURL https://app.example/bye(now) contains the character (", []string{"warning redirect_uri_form", "warning post_logout_uri"}},
		"too long":        {func(d *doctorTest) { d.cfg.RoutePrefix = "/" + strings.Repeat("a", 230) }, "characters, more than 256", []string{"warning redirect_uri_form", "error redirect_uri"}},
		"an IPv6 address": {func(d *doctorTest) { d.cfg.PublicURL = "http://[::1]:3000" }, "[::1]", []string{"warning redirect_uri_form", "error redirect_uri"}},
	} {
		d := newDoctorTest(t)
		row.change(d)
		if report := d.expect(row.want...); !strings.Contains(report.String(), row.says) {
			t.Errorf("%s: %s", name, report)
		}
	}
}

func TestDoctor_FindsALongAuthorizeURL(t *testing.T) {
	t.Parallel()
	var scopes []string
	for i := range 60 {
		scopes = append(scopes, fmt.Sprintf("https://graph.microsoft.com/Longwinded.Permission.%d", i))
	}
	d := newDoctorTest(t, entratest.WithScopes(scopes...))
	d.cfg.Scopes = scopes
	d.expect("warning authorize_url")
}

func TestDoctor_FindsGraphOfAnotherCloud(t *testing.T) {
	t.Parallel()
	d := newDoctorTest(t, entratest.WithHosts("login.microsoftonline.us", "graph.microsoft.com"))
	d.cfg.Authority, d.cfg.GraphURL = d.idp.Authority, d.idp.GraphURL
	// The emulator has no Graph of the US government, for which the app's token is requested.
	if report := d.expect("error entra_refuses", "error graph"); !strings.Contains(report.String(), "https://graph.microsoft.us/v1.0") {
		t.Errorf("%s", report)
	}
}

// A proxy that opens TLS needs its authority in the environment, not in code.
func TestDoctor_NamesTheVariableForAPrivateAuthority(t *testing.T) {
	t.Parallel()
	d := newDoctorTest(t)
	if err := d.idp.Listen(entratest.ListenConfig{}); err != nil {
		t.Fatal(err)
	}
	d.cfg.Authority, d.cfg.GraphURL, d.cfg.HTTPClient = d.idp.Authority, d.idp.GraphURL, nil
	if report := d.expect("error discovery"); !strings.Contains(report.String(), "FIBERMSAL_CA_FILE") {
		t.Errorf("%s", report)
	}
}

// endingCredential is a client credential that reports its end.
type endingCredential struct{ fibermsal.ClientCredentialFunc }

func (endingCredential) Validity() (from, until time.Time) {
	return time.Now().Add(-year), time.Now().Add(time.Hour)
}

// The emulator listens, and is reached through a proxy only.
func TestDoctor_NamesTheProxyWithoutItsPassword(t *testing.T) {
	t.Parallel()
	d := newDoctorTest(t)
	if err := d.idp.Listen(entratest.ListenConfig{}); err != nil {
		t.Fatal(err)
	}
	d.idp.ClearFaults() // its listener tells the time
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") == "" {
			http.Error(w, "no", http.StatusProxyAuthRequired)
			return
		}
		w.WriteHeader(http.StatusOK)
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			tunnel(c, r.Host)
		}
	}))
	t.Cleanup(proxy.Close)
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(d.idp.CAPEM())
	through := func(user *url.Userinfo) {
		u := *address
		u.User = user
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Scheme == "http" {
				return nil, nil // the page for browsers
			}
			return &u, nil
		}}
		t.Cleanup(transport.CloseIdleConnections)
		d.cfg.HTTPClient = &http.Client{Transport: transport}
	}
	d.cfg.Authority, d.cfg.GraphURL = d.idp.Authority, d.idp.GraphURL
	d.secrets = []string{"proxy-password", "proxy-user"}

	through(url.UserPassword("proxy-user", "proxy-password"))
	if report := d.expect(); !strings.Contains(report.String(), "through the proxy "+proxy.URL) {
		t.Errorf("%s", report)
	}
	through(nil)
	if report := d.expect("error discovery"); !strings.Contains(report.String(), "through the proxy "+proxy.URL+": Proxy Authentication Required") {
		t.Errorf("%s", report)
	}
}
