package entratest_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/entratest"
)

func listening(t *testing.T, opts ...entratest.Option) *entratest.Server {
	t.Helper()
	s := newServer(t, opts...)
	if err := s.Listen(entratest.ListenConfig{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// outside is a client that uses sockets and trusts the server's authority.
func outside(t *testing.T, s *entratest.Server) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(s.CAPEM()) {
		t.Fatal("CAPEM is no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// atBrowserHost makes a plain http request to the pages, resolving login.localhost as browsers do.
func atBrowserHost(t *testing.T, s *entratest.Server, path string) answer {
	t.Helper()
	pageURL := get(t, s, s.Authority+"/v2.0/.well-known/openid-configuration").json(t)["authorization_endpoint"]
	u, err := url.Parse(text(t, pageURL))
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+u.Port()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = u.Host
	return do(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, request)
}

func TestListen_ServesMSALOverTLS(t *testing.T) {
	t.Parallel()
	s := listening(t)
	for name, client := range map[string]*http.Client{"sockets": outside(t, s), "HTTPClient": s.HTTPClient} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			credential, err := confidential.NewCredFromSecret(s.ClientSecret)
			if err != nil {
				t.Fatal(err)
			}
			app, err := confidential.New(s.Authority, s.ClientID, credential, confidential.WithHTTPClient(client), confidential.WithInstanceDiscovery(false))
			if err != nil {
				t.Fatal(err)
			}
			pageURL, err := app.AuthCodeURL(t.Context(), s.ClientID, redirectURI, []string{"openid", "profile", "offline_access", "User.Read"})
			if err != nil || !strings.HasPrefix(pageURL, "http://login.localhost:") {
				t.Fatalf("browsers are sent to %s, %v", pageURL, err)
			}
			r, err := s.SignIn(pageURL, "adelev@contoso.com")
			if err != nil {
				t.Fatal(err)
			}
			result, err := app.AcquireTokenByAuthCode(t.Context(), r.Values.Get("code"), redirectURI, graphScope)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := verify(t, s, result.IDToken.RawToken); err != nil {
				t.Error(err)
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.GraphURL+"/me", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+result.AccessToken)
			if me := do(t, client, request); me.json(t)["displayName"] != "Adele Vance" {
				t.Error(me.body)
			}
		})
	}
}

func TestListen_SpeaksHTTP2AndHTTP1(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		http2 bool
		want  string
	}{
		"offered":     {true, "HTTP/2.0"},
		"not offered": {false, "HTTP/1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := listening(t)
			client := outside(t, s)
			client.Transport.(*http.Transport).ForceAttemptHTTP2 = row.http2
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Authority+"/v2.0/.well-known/openid-configuration", nil)
			if err != nil {
				t.Fatal(err)
			}
			a := do(t, client, r)
			if a.StatusCode != http.StatusOK || a.Proto != row.want || s.Requests()[0].Proto != row.want {
				t.Errorf("status %d by %s, recorded as %s", a.StatusCode, a.Proto, s.Requests()[0].Proto)
			}
			for name, f := range map[string]entratest.Fault{
				"drop":     {Times: 1, Drop: true},
				"lose":     {Times: 1, LoseAnswer: true},
				"truncate": {Times: 1, Truncate: 10},
			} {
				s.Fault(entratest.Token, f)
				resp, err := client.PostForm(s.Authority+"/oauth2/v2.0/token", nil)
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					_ = resp.Body.Close()
				}
				if err == nil {
					t.Errorf("%s: a whole answer", name)
				}
			}
		})
	}
}

func TestListen_ServesOnlyPagesOverPlainHTTP(t *testing.T) {
	t.Parallel()
	s := listening(t, entratest.WithAutoSignIn())
	_, query, _ := strings.Cut(authorizeURL(s, "login_hint=adelev@contoso.com"), "?")
	page := atBrowserHost(t, s, "/"+s.TenantID+"/oauth2/v2.0/authorize?"+query)
	cookies := page.Cookies()
	if page.Header.Get(entratest.PageHeader) != "form_post" || len(cookies) != 1 || cookies[0].Secure || cookies[0].SameSite != http.SameSiteLaxMode || !cookies[0].HttpOnly {
		t.Errorf("%q with %v", page.Header.Get(entratest.PageHeader), cookies)
	}
	if a := atBrowserHost(t, s, "/emulator/photo/87d349ed-44d7-43e1-9a83-5f2406dee5bd"); a.StatusCode != 200 {
		t.Errorf("a photo of the chooser gives %d", a.StatusCode)
	}
	for _, path := range []string{"/" + s.TenantID + "/oauth2/v2.0/token", "/" + s.TenantID + "/discovery/v2.0/keys", "/v1.0/me"} {
		if a := atBrowserHost(t, s, path); a.StatusCode != http.StatusForbidden && a.StatusCode != http.StatusNotFound {
			t.Errorf("%s gives %d", path, a.StatusCode)
		}
	}
}

func TestListen_RefusesOtherAddressesAndBusyOnes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if s.CAPEM() != nil {
		t.Error("there is a certificate before Listen")
	}
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:0"} {
		if err := s.Listen(entratest.ListenConfig{HTTP: address}); !errors.Is(err, entratest.ErrNotLoopback) {
			t.Errorf("HTTP %s: %v", address, err)
		}
		if err := s.Listen(entratest.ListenConfig{HTTPS: address}); !errors.Is(err, entratest.ErrNotLoopback) {
			t.Errorf("HTTPS %s: %v", address, err)
		}
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }()
	if err := s.Listen(entratest.ListenConfig{HTTPS: busy.Addr().String()}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a busy address: %v", err)
	}
	if err := s.Listen(entratest.ListenConfig{}); err != nil {
		t.Errorf("after the failures: %v", err)
	}
	if err := s.Listen(entratest.ListenConfig{}); err == nil {
		t.Error("it listens twice")
	}
}

func TestListen_FaultsBreakRealConnections(t *testing.T) {
	t.Parallel()
	s := listening(t)
	client := outside(t, s)
	keys := s.Authority + "/discovery/v2.0/keys"
	s.Fault(entratest.Keys, entratest.Fault{Times: 1, Truncate: 10})
	response, err := client.Get(keys)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err := io.ReadAll(response.Body); len(body) != 10 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Truncate gave %q, %v", body, err)
	}
	s.Fault(entratest.Keys, entratest.Fault{Drop: true})
	if dropped, err := client.Get(keys); err == nil {
		_ = dropped.Body.Close()
		t.Error("Drop gave an answer")
	}
	s.ClearFaults()
	s.Fault(entratest.Keys, entratest.Fault{Times: 1, BodyFrom: func() io.Reader { return strings.NewReader("streamed") }})
	streamed, err := client.Get(keys)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = streamed.Body.Close() }()
	if body, err := io.ReadAll(streamed.Body); string(body) != "streamed" || err != nil {
		t.Errorf("BodyFrom gave %q, %v", body, err)
	}
}

// As Entra's front ends do from time to time (RFC 9113, 6.8).
func TestListen_HTTP2ConnectionsCanBeDrained(t *testing.T) {
	t.Parallel()
	s := listening(t)
	client := outside(t, s)
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	reused := func() (reused bool) {
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }})
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Authority+"/discovery/v2.0/keys", nil)
		if err != nil {
			t.Fatal(err)
		}
		if a := do(t, client, r); a.StatusCode != http.StatusOK || a.Proto != "HTTP/2.0" {
			t.Errorf("status %d by %s", a.StatusCode, a.Proto)
		}
		return reused
	}
	if reused() || !reused() {
		t.Error("two requests do not share a connection")
	}
	s.Fault(entratest.Keys, entratest.Fault{Times: 1, Header: http.Header{"Connection": {"close"}}})
	if !reused() {
		t.Error("the answer that announces the end came by another connection")
	}
	deadline := time.Now().Add(10 * time.Second)
	for reused() { // the announcement may arrive after the answer
		if time.Now().After(deadline) {
			t.Fatal("the connection is still used")
		}
	}
}
