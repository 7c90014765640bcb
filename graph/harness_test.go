package graph_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

const publicURL = "https://app.example"

// TestMain serves one request before any bubble of virtual time: fasthttp starts a
// goroutine that never ends (trap T21).
func TestMain(m *testing.M) {
	app := fiber.New()
	app.Get("/", func(c *fiber.Ctx) error { return c.SendString("warm") })
	resp, err := app.Test(httptest.NewRequest(http.MethodGet, "/", http.NoBody), -1)
	if err != nil {
		panic(err)
	}
	_ = resp.Body.Close()
	os.Exit(m.Run())
}

// site is an app with the middleware and the routes, and the Entra it trusts.
type site struct {
	entra *entratest.Server
	net   *network
	app   *fiber.App
	log   *safeBuffer

	mu   sync.Mutex
	runs []fiber.Handler
}

// newSite makes a site. change completes the Config, and may be nil.
func newSite(t *testing.T, change func(*fibermsal.Config), opts ...entratest.Option) *site {
	t.Helper()
	return siteOf(t, entratest.New(append(opts, entratest.WithRedirectURI(publicURL+"/user/authorized"))...), change)
}

// siteOf makes a site of an Entra that there is.
func siteOf(t *testing.T, entra *entratest.Server, change func(*fibermsal.Config)) *site {
	t.Helper()
	s := &site{entra: entra, log: &safeBuffer{}, net: &network{next: entra.HTTPClient.Transport, entra: entra}}
	cfg := fibermsal.Config{
		ClientID: entra.ClientID, ClientSecret: entra.ClientSecret, Authority: entra.Authority,
		GraphURL: entra.GraphURL, PublicURL: publicURL,
		HTTPClient: &http.Client{Transport: s.net},
		Logger:     slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&cfg)
	}
	auth, err := fibermsal.Open(cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	s.app = fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	s.app.Use(auth.Handler())
	auth.RegisterRoutes(s.app)
	graph.RegisterRoutes(s.app)
	s.app.Get("/run/:n", func(c *fiber.Ctx) error {
		n, err := strconv.Atoi(c.Params("n"))
		if err != nil {
			return err
		}
		s.mu.Lock()
		handler := s.runs[n]
		s.mu.Unlock()
		return handler(c)
	})
	return s
}

// browser is a client of the site with cookies.
type browser struct {
	t       *testing.T
	site    *site
	cookies map[string]string
}

func (s *site) browser(t *testing.T) *browser {
	t.Helper()
	return &browser{t: t, site: s, cookies: map[string]string{}}
}

// signIn returns a browser in which the user has signed in.
func (s *site) signIn(t *testing.T, login string) *browser {
	t.Helper()
	b := s.browser(t)
	answer, err := s.entra.SignIn(b.get("/user/login").header.Get("Location"), login)
	if err != nil {
		t.Fatalf("signing in: %v", err)
	}
	if got := b.send(answer.Request()); got.status != http.StatusSeeOther {
		t.Fatalf("the callback answered %d: %s", got.status, got.body)
	}
	return b
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	return b.send(httptest.NewRequest(http.MethodGet, publicURL+path, http.NoBody))
}

func (b *browser) send(r *http.Request) answer {
	b.t.Helper()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := b.site.app.Test(r, -1)
	if err != nil {
		b.t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	for _, c := range resp.Cookies() {
		if c.MaxAge < 0 || c.Value == "" {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatalf("reading the answer to %s: %v", r.URL.Path, err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// run executes a handler as a request of this browser.
func (b *browser) run(handler fiber.Handler) answer {
	b.t.Helper()
	b.site.mu.Lock()
	n := len(b.site.runs)
	b.site.runs = append(b.site.runs, handler)
	b.site.mu.Unlock()
	return b.get("/run/" + strconv.Itoa(n))
}

// failure executes a handler and returns its error instead of letting the
// middleware answer it.
func (b *browser) failure(call func(c *fiber.Ctx) error) error {
	b.t.Helper()
	var err error
	b.run(func(c *fiber.Ctx) error {
		err = call(c)
		return nil
	})
	return err
}

// me is the plainest call.
func me(c *fiber.Ctx) error {
	_, err := graph.Me(c).Get(c.UserContext(), nil)
	return err
}

// network is the site's way out. It notes what goes elsewhere than to Entra and
// Graph, and plays an evil server there.
type network struct {
	next  http.RoundTripper
	entra *entratest.Server

	mu      sync.Mutex
	foreign []string
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	graphURL, err := url.Parse(n.entra.GraphURL)
	if err != nil {
		return nil, err
	}
	authority, err := url.Parse(n.entra.Authority)
	if err != nil {
		return nil, err
	}
	if r.URL.Scheme == "https" && (r.URL.Host == graphURL.Host || r.URL.Host == authority.Host) {
		return n.next.RoundTrip(r)
	}
	n.mu.Lock()
	n.foreign = append(n.foreign, r.URL.String())
	n.mu.Unlock()
	recorder := httptest.NewRecorder()
	recorder.Header().Set("Content-Type", "application/json")
	_, _ = recorder.WriteString(`{"id":"evil"}`)
	return recorder.Result(), nil
}

func (n *network) left() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.foreign
}

type safeBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// asError returns err as the one type that calls may return.
func asError(t *testing.T, err error) *fibermsal.Error {
	t.Helper()
	var e *fibermsal.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %T %v, want a *fibermsal.Error", err, err)
	}
	return e
}

// checkNoSecrets looks for secrets in everything a program can print of an error.
func checkNoSecrets(t *testing.T, entra *entratest.Server, texts ...string) {
	t.Helper()
	for _, secret := range entra.Secrets() {
		for _, text := range texts {
			if strings.Contains(text, secret) {
				t.Errorf("a secret of %d characters is in %q", len(secret), text)
			}
		}
	}
}

const (
	adele   = "AdeleV@contoso.com"
	isaiah  = "IsaiahL@contoso.com" // has no photo
	johanna = "JohannaL@contoso.com"
	patti   = "PattiF@contoso.com" // has no manager
)
