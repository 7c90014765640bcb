package fibermsal_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
	"github.com/fibermsal/fibermsal/internal/web"
)

const (
	publicURL   = "https://app.example"
	redirectURI = publicURL + "/user/authorized"

	adele = "AdeleV@contoso.com"
	alex  = "AlexW@contoso.com"
)

// TestMain makes one request before any test, because fasthttp starts a goroutine with the first
// request, which must not belong to a synctest bubble (trap T21).
func TestMain(m *testing.M) {
	if route := os.Getenv(brokenRandomness); route != "" {
		if err := serveWithoutRandomness(route); err != nil {
			println(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	app := newApp()
	app.Get("/", func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusOK) })
	if resp, err := testApp(app, httptest.NewRequest(http.MethodGet, "/", http.NoBody)); err == nil {
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

	origin string
	base   string            // in front of the paths, for browsers
	seen   *browsertest.Seen // by all browsers

	changesCookies bool // a middleware of the app does
}

// siteOf returns a site for an app that the test has created.
func siteOf(t *testing.T, app *fiber.App, idp *entratest.Server, log *logbook) *site {
	t.Helper()
	return &site{t: t, app: app, idp: idp, log: log, origin: publicURL, seen: &browsertest.Seen{}}
}

// newIDP returns an emulator with the site's redirect URI.
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
	s := siteOf(t, newApp(), idp, &logbook{})
	cfg := configFor(idp)
	cfg.Logger = slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, c := range change {
		c(&cfg)
	}
	if strings.HasPrefix(cfg.PublicURL, "http:") {
		s.origin = cfg.PublicURL
	}
	var err error
	if s.auth, err = fibermsal.Open(cfg); err != nil {
		t.Fatal(err)
	}
	onShutdown(s.app, s.auth.Close)
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
	s.t.Helper()
	s.seen.MustLack(s.t, s.idp.Secrets(), s.log.String())
}

// Do lets a browser reach the app.
func (s *site) Do(r *http.Request) (*http.Response, error) {
	response, err := testApp(s.app, r)
	if err == nil && !s.changesCookies {
		s.assertCookies(response.Header)
	}
	return response, err
}

// answer is a response with its body read.
type answer = browsertest.Answer

// send sends a request as it is.
func (s *site) send(r *http.Request) *answer {
	s.t.Helper()
	response, err := s.Do(r)
	if err != nil {
		s.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	a := browsertest.Read(s.t, response)
	s.seen.Note(a)
	return a
}

const sessionCookie = "__Host-fibermsal"

// soaking reports whether this is `make soak`.
func soaking() bool { return os.Getenv("FIBERMSAL_SOAK") != "" }

// repeats is a tenth of what `make soak` does.
func repeats(full int) int {
	if soaking() {
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

// forgetSessions removes the cached sessions of an Auth, as a large number of other sessions would.
func forgetSessions(a *fibermsal.Auth) {
	entra.NewVisit(a.Service, withoutCookies{}).Site.Sessions.Cache().Clear()
}

// forgetCallers removes the cached callers of an Auth.
func forgetCallers(a *fibermsal.Auth) {
	entra.NewVisit(a.Service, withoutCookies{}).Site.Tokens.Remembered.Clear()
}

// withoutCookies returns a request without cookies.
type withoutCookies struct{ web.Exchange }

func (withoutCookies) HasCookie(string) bool { return false }
