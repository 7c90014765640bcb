package graph_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

const publicURL = "https://app.example"

// site is an app with the middleware and the routes, and its Entra.
type site struct {
	entra  *entratest.Server
	net    *network
	app    *fiber.App
	log    *safeBuffer
	seen   *browsertest.Seen // by all browsers
	prefix string            // of the routes

	mu   sync.Mutex
	runs []fiber.Handler
}

// newSite makes a site. change completes the Config, and may be nil.
func newSite(t *testing.T, change func(*fibermsal.Config), opts ...entratest.Option) *site {
	t.Helper()
	return siteOf(t, entratest.New(append(opts, entratest.WithRedirectURI(publicURL+"/user/authorized"))...), change)
}

// siteOf returns a site with the given Entra. When the test ends, no response and no log line may
// contain a credential.
func siteOf(t *testing.T, entra *entratest.Server, change func(*fibermsal.Config)) *site {
	t.Helper()
	s := &site{entra: entra, log: &safeBuffer{}, seen: &browsertest.Seen{}, net: &network{next: entra.HTTPClient.Transport, entra: entra}}
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
	t.Cleanup(func() {
		_ = auth.Close()
		s.seen.MustLack(t, entra.Secrets(), s.log.String())
	})
	s.app = newApp()
	s.app.Use(auth.Handler())
	auth.RegisterRoutes(s.app, graph.Routes())
	s.prefix = auth.RoutePrefix()
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

// Do lets a browser reach the app.
func (s *site) Do(r *http.Request) (*http.Response, error) { return testApp(s.app, r) }

// browser is a browser that runs handlers of the test in the app.
type browser struct {
	*browsertest.Browser
	t    *testing.T
	site *site
}

func (s *site) browser(t *testing.T) *browser {
	t.Helper()
	b := &browser{Browser: browsertest.New(t, s, publicURL), t: t, site: s}
	b.Seen = s.seen
	return b
}

// signIn returns a browser in which the user has signed in.
func (s *site) signIn(t *testing.T, login string) *browser {
	t.Helper()
	b := s.browser(t)
	answer, err := s.entra.SignIn(b.Get(s.prefix+"/login").Location(), login)
	if err != nil {
		t.Fatalf("signing in: %v", err)
	}
	if got := b.Send(answer.Request()); got.StatusCode != http.StatusSeeOther {
		t.Fatalf("the callback answered %d: %s", got.StatusCode, got.Text)
	}
	return b
}

// run executes a handler as a request of this browser.
func (b *browser) run(handler fiber.Handler) *browsertest.Answer {
	b.t.Helper()
	b.site.mu.Lock()
	n := len(b.site.runs)
	b.site.runs = append(b.site.runs, handler)
	b.site.mu.Unlock()
	return b.Get("/run/" + strconv.Itoa(n))
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

// me makes the simplest call.
func me(c *fiber.Ctx) error {
	_, err := graph.Me(c).Get(c.UserContext(), nil)
	return err
}

// network is the site's transport. It records requests to other hosts than Entra and Graph, and
// answers them as an evil server.
type network struct {
	next  http.RoundTripper
	entra *entratest.Server

	mu        sync.Mutex
	foreign   []string
	foreignTo http.RoundTripper // in place of the evil server, or nil
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
	if n.foreignTo != nil {
		return n.foreignTo.RoundTrip(r)
	}
	recorder := httptest.NewRecorder()
	recorder.Header().Set("Content-Type", "application/json")
	_, _ = recorder.WriteString(`{"id":"evil"}`)
	return recorder.Result(), nil
}

func (n *network) foreignURLs() []string {
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

// asError returns err as the only type that calls may return.
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
	new(browsertest.Seen).MustLack(t, entra.Secrets(), texts...)
}

const (
	adele   = "AdeleV@contoso.com"
	isaiah  = "IsaiahL@contoso.com" // has no photo
	johanna = "JohannaL@contoso.com"
	patti   = "PattiF@contoso.com" // has no manager
)

// within gives a context a deadline, unless that is 0.
func within(ctx context.Context, deadline time.Duration) (context.Context, context.CancelFunc) {
	if deadline == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, deadline)
}
