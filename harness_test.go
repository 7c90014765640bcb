package fibermsal_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

const (
	publicURL   = "https://app.example"
	redirectURI = publicURL + "/user/authorized"

	adele = "AdeleV@contoso.com"
	alex  = "AlexW@contoso.com"
)

// TestMain makes one request before any test: fasthttp starts a goroutine with
// the first one, which must not belong to a synctest bubble (trap T21).
func TestMain(m *testing.M) {
	if os.Getenv(brokenRandomness) != "" {
		os.Exit(serveWithoutRandomness())
	}
	app := fiber.New()
	app.Get("/", func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusOK) })
	if resp, err := app.Test(httptest.NewRequest(http.MethodGet, "/", http.NoBody), -1); err == nil {
		_ = resp.Body.Close()
	}
	telemetry.observe()
	status := m.Run()
	if err := telemetry.check(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// site is an app behind fibermsal, and the emulator it signs in with.
type site struct {
	t    *testing.T
	app  *fiber.App
	auth *fibermsal.Auth
	idp  *entratest.Server
	log  *logbook

	insecure bool // reached by http

	mu      sync.Mutex
	bodies  bytes.Buffer // of all answers
	cookies []string     // values of all cookies that were set
}

// newIDP makes an emulator that knows the site's redirect URI.
func newIDP(t *testing.T, options ...entratest.Option) *entratest.Server {
	t.Helper()
	idp := entratest.New(append([]entratest.Option{
		entratest.WithRedirectURI(redirectURI), entratest.WithLogoutURI(publicURL + "/"),
	}, options...)...)
	t.Cleanup(func() { _ = idp.Close() })
	return idp
}

// configFor is the Config of an app that signs in with an emulator.
func configFor(idp *entratest.Server) fibermsal.Config {
	return fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority,
		GraphURL: idp.GraphURL, HTTPClient: idp.HTTPClient, PublicURL: publicURL,
		Logger: slog.New(slog.DiscardHandler),
	}
}

// newSite makes an app with the routes and two pages of its own: /guarded, and
// /token, which answers with the user whose token the handler gets. When the test
// ends, no answer and no log line may contain a credential (threats C7, F1).
func newSite(t *testing.T, idp *entratest.Server, change ...func(*fibermsal.Config)) *site {
	t.Helper()
	s := &site{t: t, idp: idp, log: &logbook{}, app: fiber.New(fiber.Config{ReadBufferSize: 16 << 10, DisableStartupMessage: true})}
	cfg := configFor(idp)
	cfg.Logger = slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, c := range change {
		c(&cfg)
	}
	s.insecure = strings.HasPrefix(cfg.PublicURL, "http:")
	var err error
	if s.auth, err = fibermsal.Open(cfg); err != nil {
		t.Fatal(err)
	}
	s.app.Hooks().OnShutdown(s.auth.Close)
	s.app.Use(s.auth.Handler())
	fibermsal.RegisterRoutes(s.app)
	s.app.Get("/", func(c *fiber.Ctx) error { return c.SendString("home") })
	s.app.All("/guarded", fibermsal.Require(), func(c *fiber.Ctx) error {
		u, _ := fibermsal.FromContext(c)
		return c.SendString("hello " + u.Username)
	})
	s.app.Get("/token", func(c *fiber.Ctx) error {
		token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), tokenRequest())
		if err != nil {
			return err
		}
		owner, _ := idp.TokenUser(token.Token)
		return c.SendString(owner)
	})
	t.Cleanup(func() {
		_ = s.app.Shutdown()
		s.assertNoSecrets()
	})
	return s
}

func (s *site) assertNoSecrets() {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := s.log.String()
	for _, secret := range append(s.idp.Secrets(), s.cookies...) {
		if secret != "" && strings.Contains(lines, secret) {
			s.t.Errorf("a credential is in the log: %.12s…", secret)
		}
		if secret != "" && bytes.Contains(s.bodies.Bytes(), []byte(secret)) {
			s.t.Errorf("a credential is in an answer: %.12s…", secret)
		}
	}
}

// send sends a request as it is.
func (s *site) send(r *http.Request) *answer {
	s.t.Helper()
	resp, err := s.app.Test(r, -1)
	if err != nil {
		s.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.assertCookies(resp.Header)
	s.mu.Lock()
	s.bodies.Write(body)
	for _, c := range resp.Cookies() {
		s.cookies = append(s.cookies, c.Value)
	}
	s.mu.Unlock()
	return &answer{Response: resp, body: string(body)}
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body string
}

func (a *answer) location() string { return a.Header.Get("Location") }

func (a *answer) json(t *testing.T) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(a.body), &fields); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, a.body)
	}
	return fields
}

func (a *answer) cookie(name string) *http.Cookie {
	for _, c := range a.Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

const sessionCookie = "__Host-fibermsal"

// repeats is a tenth of what `make soak` does.
func repeats(full int) int {
	if os.Getenv("FIBERMSAL_SOAK") != "" {
		return full
	}
	return full / 10
}

// logbook collects log lines.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
