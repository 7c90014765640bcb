package deploy_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/freeport"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

const adele = "AdeleV@contoso.com"

// proxied is an app behind nginx, with a configuration of this directory.
type proxied struct {
	t       *testing.T
	host    string
	prefix  string // of the library's routes
	idp     *entratest.Server
	client  *http.Client
	plain   string // the address of nginx's port for http
	secured string
}

// behindNginx starts an app and nginx in front of it.
func behindNginx(t *testing.T, file, host, base string) *proxied {
	t.Helper()
	nginx := redistest.Program(t, "nginx", "/usr/sbin/nginx")
	p := &proxied{t: t, host: host, prefix: base + "/user", plain: "127.0.0.1:" + freeport.For(t), secured: "127.0.0.1:" + freeport.For(t)}
	home := "https://" + host + base + "/"
	p.idp = entratest.New(entratest.WithRedirectURI("https://"+host+p.prefix+"/authorized"), entratest.WithRedirectURI(home))
	t.Cleanup(func() { _ = p.idp.Close() })
	app := p.startApp(base)
	dir := t.TempDir()
	roots := newCertificate(t, dir, host)
	server := strings.NewReplacer(
		"/etc/ssl/app", dir, "127.0.0.1:3000", app,
		"listen 80;", "listen "+p.plain+";", "listen 443 ssl", "listen "+p.secured+" ssl",
	).Replace(read(t, file))
	conf := write(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf(
		"daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;\nevents {}\nhttp {\naccess_log off;\nclient_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;\n%[2]s}\n", dir, server))
	mustRun(t, nginx, "-t", "-q", "-c", conf)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), nginx, "-c", conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	await(t, p.secured)
	p.client = p.newClient(roots)
	return p
}

// startApp returns the address of the app.
func (p *proxied) startApp(base string) string {
	p.t.Helper()
	auth, err := fibermsal.Open(fibermsal.Config{
		ClientID: p.idp.ClientID, ClientSecret: p.idp.ClientSecret, Authority: p.idp.Authority, GraphURL: p.idp.GraphURL, HTTPClient: p.idp.HTTPClient,
		PublicURL: "https://" + p.host, BasePath: base, RoutePrefix: p.prefix, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10, DisableStartupMessage: true})
	app.Use(auth.Handler())
	auth.RegisterRoutes(app)
	app.Get(base+"/hello", fibermsal.Require(), func(c *fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		return c.SendString("hello " + user.Username)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	go func() { _ = app.Listener(listener) }()
	p.t.Cleanup(func() { _, _ = app.Shutdown(), auth.Close() })
	return listener.Addr().String()
}

// newClient returns a client that finds the host at nginx, as a browser finds it by DNS.
func (p *proxied) newClient(roots *x509.CertPool) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	transport := &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			to := p.secured
			if strings.HasSuffix(address, ":80") {
				to = p.plain
			}
			return new(net.Dialer).DialContext(ctx, network, to)
		},
	}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Jar: jar, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (p *proxied) send(r *http.Request) (*http.Response, string) {
	p.t.Helper()
	response, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response, string(body)
}

// navigate opens a page as browsers do.
func (p *proxied) navigate(address string) (*http.Response, string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	return p.send(r)
}

func TestNginx_UsersSignInAndOut(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ file, host, base string }{
		"a host of its own": {"nginx/host.conf", "app.example.com", ""},
		"below a path":      {"nginx/path.conf", "www.example.com", "/myapp"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := behindNginx(t, row.file, row.host, row.base)
			// The longest addresses to return to make the longest headers.
			page := row.base + "/hello?q=" + strings.Repeat("long-", 600)
			p.signIn(page)
			if response, body := p.navigate("https://" + row.host + page); body != "hello "+adele || response.ProtoMajor != 2 {
				t.Errorf("%s %d %s", response.Proto, response.StatusCode, body)
			}
			if response, _ := p.navigate("http://" + row.host + row.base + "/hello?x=1"); response.StatusCode != http.StatusMovedPermanently || response.Header.Get("Location") != "https://"+row.host+row.base+"/hello?x=1" {
				t.Errorf("plain http: %d to %s", response.StatusCode, response.Header.Get("Location"))
			}
			p.signOut()
			if _, body := p.navigate("https://" + row.host + row.base + "/hello"); strings.Contains(body, "hello") {
				t.Error("still signed in")
			}
		})
	}
}

// signIn opens a page that needs the user, and returns to it.
func (p *proxied) signIn(page string) {
	p.t.Helper()
	next := targetOf(p.navigate("https://" + p.host + page))
	for range 3 { // the login route, and no detour by another host
		if strings.HasPrefix(next, "/") {
			next = targetOf(p.navigate("https://" + p.host + next))
		}
	}
	answer, err := p.idp.SignIn(next, adele)
	if err != nil {
		p.t.Fatalf("%.200s: %v", next, err)
	}
	r := answer.Request()
	r.RequestURI = ""
	if back := targetOf(p.send(r)); back != page {
		p.t.Fatalf("back at %.200s", back)
	}
}

var refresh = regexp.MustCompile(`<meta http-equiv="refresh" content="0;url=([^"]+)">`)

// targetOf returns where an answer leads a browser: by its header, or by a page if that is too long.
func targetOf(response *http.Response, body string) string {
	if found := refresh.FindStringSubmatch(body); response.StatusCode == http.StatusOK && found != nil {
		return html.UnescapeString(found[1])
	}
	return response.Header.Get("Location")
}

func (p *proxied) signOut() {
	p.t.Helper()
	address := "https://" + p.host + p.prefix + "/logout"
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, address, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", "https://"+p.host)
	if response, body := p.send(r); response.StatusCode != http.StatusSeeOther || !strings.Contains(response.Header.Get("Location"), "/oauth2/v2.0/logout") {
		p.t.Errorf("%d to %s: %s", response.StatusCode, response.Header.Get("Location"), body)
	}
}

func await(t *testing.T, address string) {
	t.Helper()
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(20 * time.Millisecond) {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
	}
	t.Fatal("nginx does not listen")
}

// newCertificate writes a certificate for a host, and returns the pool that trusts it.
func newCertificate(t *testing.T, dir, host string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	write(t, filepath.Join(dir, "fullchain.pem"), string(certificate))
	write(t, filepath.Join(dir, "privkey.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	return pool
}
