package discovery_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fibermsal/fibermsal/internal/discovery"
)

const (
	tenantID  = "11111111-2222-3333-4444-555555555555"
	version1  = "/.well-known/openid-configuration"
	version1K = "https://login.example/" + tenantID + "/discovery/keys"
)

// documents responds according to the path of the request, and records the addresses.
type documents struct {
	bodies map[string]string
	status int
	calls  atomic.Int32
	last   atomic.Pointer[string]
}

func (d *documents) RoundTrip(r *http.Request) (*http.Response, error) {
	d.calls.Add(1)
	address := r.URL.String()
	d.last.Store(&address)
	status := d.status
	if status == 0 {
		status = http.StatusOK
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(d.bodies[r.URL.Path])), Request: r}, nil
}

func configuration1(issuer, keys string) string {
	return `{"issuer":"` + issuer + `","jwks_uri":"` + keys + `","token_endpoint":"http://evil.example/token"}`
}

func TestFetchVersion1_AcceptsAnIssuerOfAnotherHost(t *testing.T) {
	t.Parallel()
	many := strings.Replace(version1K, tenantID, "common", 1)
	for name, row := range map[string]struct {
		path, issuer, keys string
		accept             bool
	}{
		"as Entra's":               {tenantID, "https://sts.windows.net/" + tenantID + "/", version1K, true},
		"as 21Vianet's":            {tenantID, "https://sts.chinacloudapi.cn/" + tenantID + "/", version1K, true},
		"keys with appid":          {tenantID, "https://sts.windows.net/" + tenantID + "/", version1K + "?appid=x", true},
		"many tenants":             {"common", "https://sts.windows.net/{tenantid}/", many, true},
		"a domain":                 {"contoso.com", "https://sts.windows.net/" + tenantID + "/", version1K, true},
		"the ID in capitals":       {strings.ToUpper("aabbccdd-2222-3333-4444-555555555555"), "https://sts.windows.net/aabbccdd-2222-3333-4444-555555555555/", version1K, true},
		"another tenant":           {tenantID, "https://sts.windows.net/99999999-2222-3333-4444-555555555555/", version1K, false},
		"many in place of one":     {tenantID, "https://sts.windows.net/{tenantid}/", version1K, false},
		"no slash":                 {tenantID, "https://sts.windows.net/" + tenantID, version1K, false},
		"two slashes":              {tenantID, "https://sts.windows.net/" + tenantID + "//", version1K, false},
		"more of a path":           {tenantID, "https://sts.windows.net/" + tenantID + "/v2.0", version1K, false},
		"a query":                  {tenantID, "https://sts.windows.net/" + tenantID + "/?x", version1K, false},
		"a user in the address":    {tenantID, "https://x@sts.windows.net/" + tenantID + "/", version1K, false},
		"no tenant":                {"contoso.com", "https://sts.windows.net/contoso.com/", version1K, false},
		"only a host":              {"contoso.com", "https://sts.windows.net/", version1K, false},
		"plain http":               {tenantID, "http://sts.windows.net/" + tenantID + "/", version1K, false},
		"no issuer":                {tenantID, "", version1K, false},
		"keys of another host":     {tenantID, "https://sts.windows.net/" + tenantID + "/", "https://sts.windows.net/keys", false},
		"keys of plain http":       {tenantID, "https://sts.windows.net/" + tenantID + "/", "http://login.example/keys", false},
		"keys of another port":     {tenantID, "https://sts.windows.net/" + tenantID + "/", "https://login.example:8443/keys", false},
		"no keys":                  {tenantID, "https://sts.windows.net/" + tenantID + "/", "", false},
		"keys that are no address": {tenantID, "https://sts.windows.net/" + tenantID + "/", ":", false},
	} {
		d := &documents{bodies: map[string]string{"/" + row.path + version1: configuration1(row.issuer, row.keys)}}
		client := &http.Client{Transport: discovery.NewTransport(d)}
		m, err := discovery.FetchVersion1(t.Context(), client, "https://login.example/"+row.path)
		if (err == nil) != row.accept {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (m.Issuer != row.issuer || m.JWKSURI != row.keys || m.TokenEndpoint != "") {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestFetchVersion1_RefusesWhatIsNoConfiguration(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]*documents{
		"no JSON":        {bodies: map[string]string{"/" + tenantID + version1: "<html>"}},
		"a list":         {bodies: map[string]string{"/" + tenantID + version1: "[]"}},
		"nothing":        {},
		"too long":       {bodies: map[string]string{"/" + tenantID + version1: `{"x":"` + strings.Repeat("x", 2<<20) + `"}`}},
		"not found":      {status: http.StatusNotFound},
		"of version 2":   {bodies: map[string]string{"/" + tenantID + version1: configuration1("https://login.example/"+tenantID+"/v2.0", version1K)}},
		"AADSTS90002":    {status: http.StatusBadRequest, bodies: map[string]string{"/" + tenantID + version1: `{"error_description":"AADSTS90002: Tenant not found."}`}},
		"the other path": {bodies: map[string]string{"/" + tenantID + "/v2.0" + version1: configuration1("https://sts.windows.net/"+tenantID+"/", version1K)}},
	} {
		client := &http.Client{Transport: discovery.NewTransport(d)}
		for range 3 {
			if m, err := discovery.FetchVersion1(t.Context(), client, "https://login.example/"+tenantID); err == nil {
				t.Errorf("%s: %+v", name, m)
			}
		}
		if n := d.calls.Load(); n != 1 {
			t.Errorf("%s: %d calls: a failure is remembered for a moment", name, n)
		}
	}
}

// Each version is fetched once, with the app whose keys are needed, and neither replaces the other.
func TestFetchVersion1_IsRememberedBesideVersion2(t *testing.T) {
	t.Parallel()
	d := &documents{bodies: map[string]string{
		"/" + tenantID + version1: configuration1("https://sts.windows.net/"+tenantID+"/", version1K),
		"/" + tenantID + "/v2.0" + version1: `{"issuer":"` + authority + `/v2.0","authorization_endpoint":"` + authority + `/a","token_endpoint":"` +
			authority + `/t","jwks_uri":"` + authority + `/k"}`,
	}}
	client := &http.Client{Transport: discovery.NewTransportFor("the app", d)}
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if m, err := discovery.FetchVersion1(t.Context(), client, authority); err != nil || m.Issuer != "https://sts.windows.net/"+tenantID+"/" {
				t.Errorf("%+v, %v", m, err)
			}
		})
		wait.Go(func() {
			if m, err := discovery.Fetch(t.Context(), client, authority); err != nil || m.Issuer != authority+"/v2.0" {
				t.Errorf("%+v, %v", m, err)
			}
		})
	}
	wait.Wait()
	if n := d.calls.Load(); n != 2 {
		t.Errorf("%d calls for two configurations", n)
	}
	if last := *d.last.Load(); !strings.HasSuffix(last, "?appid=the+app") {
		t.Errorf("the address is %s", last)
	}
}
