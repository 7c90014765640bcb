package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// asProgram makes the test binary act as the program. Its name does not begin with the prefix, because
// it would then be reported as a misspelled variable.
const asProgram = "TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const (
	publicURL = "http://localhost:3000"
	adele     = "AdeleV@contoso.com"
	alex      = "AlexW@contoso.com"
)

// patiently sets long timeouts for busy machines, because these tests are not about timeouts.
const patiently = "?dial_timeout=10s&read_timeout=10s&write_timeout=10s&pool_timeout=10s"

// stage is a web app with its Redis and its Entra, and an environment for the program.
type stage struct {
	t       *testing.T
	redis   *redistest.Server
	idp     *entratest.Server
	app     *fiber.App
	env     map[string]string
	cookies []string
}

var (
	key      = bytes.Repeat([]byte("key-canary-1234!"), 2)
	otherKey = bytes.Repeat([]byte("key-canary-other"), 2)
)

func newStage(t *testing.T, options ...entratest.Option) *stage {
	t.Helper()
	s := &stage{t: t, redis: redistest.Start(t)}
	s.idp = entratest.New(append([]entratest.Option{
		entratest.WithRedirectURI(publicURL + "/user/authorized"), entratest.WithRedirectURI(publicURL + "/"), entratest.WithOptionalClaims("email"),
	}, options...)...)
	t.Cleanup(func() { _ = s.idp.Close() })
	if err := s.idp.Listen(entratest.ListenConfig{}); err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, s.idp.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.env = map[string]string{
		"FIBERMSAL_CLIENT_ID": s.idp.ClientID, "FIBERMSAL_CLIENT_SECRET": s.idp.ClientSecret,
		"FIBERMSAL_AUTHORITY": s.idp.Authority, "FIBERMSAL_GRAPH_URL": s.idp.GraphURL, "FIBERMSAL_CA_FILE": ca,
		"FIBERMSAL_PUBLIC_URL": publicURL, "FIBERMSAL_REDIS_URL": s.redis.URL + patiently,
		"FIBERMSAL_KEYS":         base64.StdEncoding.EncodeToString(key),
		"FIBERMSAL_TLS_KEY_FILE": "of the example app",
	}
	s.app = s.newApp(key)
	return s
}

// newApp is an instance of the web app.
func (s *stage) newApp(keys ...[]byte) *fiber.App {
	s.t.Helper()
	storage, err := fibermsal.RedisStorage(s.redis.URL + patiently)
	if err != nil {
		s.t.Fatal(err)
	}
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10, DisableStartupMessage: true})
	app.Use(fibermsal.New(fibermsal.Config{
		ClientID: s.idp.ClientID, ClientSecret: s.idp.ClientSecret, Authority: s.idp.Authority,
		GraphURL: s.idp.GraphURL, HTTPClient: s.idp.HTTPClient, PublicURL: publicURL,
		Storage: storage, Keys: keys, Logger: slog.New(slog.DiscardHandler),
	}))
	fibermsal.RegisterRoutes(app)
	s.t.Cleanup(func() { _, _ = app.Shutdown(), storage.Close() })
	return app
}

// signIn signs a user in with the app and returns the session's cookie.
func (s *stage) signIn(app *fiber.App, login string) *http.Cookie {
	s.t.Helper()
	start := s.send(app, httptest.NewRequest(http.MethodGet, publicURL+"/user/login", http.NoBody))
	answer, err := s.idp.SignIn(start.Header.Get("Location"), login)
	if err != nil {
		s.t.Fatal(err)
	}
	callback := answer.Request()
	callback.AddCookie(start.Cookies()[0])
	for _, c := range s.send(app, callback).Cookies() {
		if strings.HasSuffix(c.Name, "fibermsal") && c.Value != "" {
			s.cookies = append(s.cookies, c.Value)
			return c
		}
	}
	s.t.Fatal("not signed in")
	return nil
}

// isSignedIn reports whether a user is signed in according to the app.
func (s *stage) isSignedIn(app *fiber.App, cookie *http.Cookie) bool {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, publicURL+"/user/info", http.NoBody)
	r.AddCookie(cookie)
	var info struct{ UPN string }
	if err := json.NewDecoder(s.send(app, r).Body).Decode(&info); err != nil {
		s.t.Fatal(err)
	}
	return info.UPN != ""
}

func (s *stage) send(app *fiber.App, r *http.Request) *http.Response {
	s.t.Helper()
	response, err := app.Test(r, -1)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// outcome is how a run of the program ended.
type outcome struct {
	status         int
	stdout, stderr string
}

// command is a run of the program with only the stage's environment.
func (s *stage) command(args ...string) *exec.Cmd {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(s.t.Context(), self, args...)
	cmd.Env = []string{asProgram + "=1", "GORACE=atexit_sleep_ms=0"} // with -race a process would stay for a second
	for name, value := range s.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// run runs the program without a terminal, and checks that it prints no secret.
func (s *stage) run(args ...string) outcome {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := s.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // the status tells
	o := outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	s.assertNoSecret(o.stdout + o.stderr)
	return o
}

func (s *stage) assertNoSecret(text string) {
	s.t.Helper()
	for _, secret := range slices.Concat(s.idp.Secrets(), s.cookies, []string{string(key), base64.StdEncoding.EncodeToString(key), "redis-canary"}) {
		if secret != "" && strings.Contains(text, secret) {
			s.t.Errorf("a credential is shown: %.12s…", secret)
		}
	}
}

// listed are the sessions as JSON.
func (s *stage) listed(args ...string) []row {
	s.t.Helper()
	o := s.run(append([]string{"sessions", "list", "-json"}, args...)...)
	if o.status != statusOK || o.stderr != "" {
		s.t.Fatalf("%+v", o)
	}
	var all []row
	for line := range strings.Lines(o.stdout) {
		var r row
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			s.t.Fatalf("%v in %s", err, line)
		}
		all = append(all, r)
	}
	return all
}
