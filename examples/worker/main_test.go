package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// asProgram makes the test binary act as the program.
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

// night is a web app with its Redis and its Entra, and the worker's environment.
type night struct {
	t   *testing.T
	idp *entratest.Server
	app *fiber.App
	env []string
}

func newNight(t *testing.T) *night {
	t.Helper()
	server := redistest.Start(t)
	idp := entratest.New(
		entratest.WithRedirectURI(publicURL+"/user/authorized"), entratest.WithOptionalClaims("email"), entratest.WithAppPermissions("User.Read.All"),
		entratest.WithAccessTokenLifetime(20*time.Second), // too short to be used twice: each is renewed
	)
	t.Cleanup(func() { _ = idp.Close() })
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := idp.Listen(entratest.ListenConfig{}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca, idp.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	storage, err := fibermsal.RedisStorage(server.URL + patiently)
	if err != nil {
		t.Fatal(err)
	}
	key := bytes.Repeat([]byte("key-canary-1234!"), 2)
	n := &night{t: t, idp: idp, app: fiber.New(fiber.Config{ReadBufferSize: 16 << 10}), env: []string{
		asProgram + "=1", "GORACE=atexit_sleep_ms=0", // with -race a process would stay for a second
		"FIBERMSAL_CLIENT_ID=" + idp.ClientID, "FIBERMSAL_CLIENT_SECRET=" + idp.ClientSecret,
		"FIBERMSAL_AUTHORITY=" + idp.Authority, "FIBERMSAL_GRAPH_URL=" + idp.GraphURL, "FIBERMSAL_CA_FILE=" + ca,
		"FIBERMSAL_PUBLIC_URL=" + publicURL, "FIBERMSAL_REDIS_URL=" + server.URL + patiently, "FIBERMSAL_KEYS=" + base64.StdEncoding.EncodeToString(key),
	}}
	n.app.Use(fibermsal.New(fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority,
		GraphURL: idp.GraphURL, HTTPClient: idp.HTTPClient, PublicURL: publicURL,
		Storage: storage, Keys: [][]byte{key}, Logger: slog.New(slog.DiscardHandler),
	}))
	fibermsal.RegisterRoutes(n.app)
	t.Cleanup(func() { _, _ = n.app.Shutdown(), storage.Close() })
	return n
}

// signIn signs a user in to the web app.
func (n *night) signIn(login string) {
	n.t.Helper()
	start := n.send(httptest.NewRequest(http.MethodGet, publicURL+"/user/login", http.NoBody))
	answer, err := n.idp.SignIn(start.Header.Get("Location"), login)
	if err != nil {
		n.t.Fatal(err)
	}
	callback := answer.Request()
	callback.AddCookie(start.Cookies()[0])
	if done := n.send(callback); done.StatusCode != http.StatusSeeOther {
		n.t.Fatalf("sign-in of %s: %d", login, done.StatusCode)
	}
}

func (n *night) send(r *http.Request) *http.Response {
	n.t.Helper()
	response, err := n.app.Test(r, -1)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// work runs the worker and returns its lines in order.
func (n *night) work(args ...string) (status int, lines []string, stderr string) {
	n.t.Helper()
	self, err := os.Executable()
	if err != nil {
		n.t.Fatal(err)
	}
	cmd := exec.CommandContext(n.t.Context(), self, args...)
	var out, failures bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = n.env, &out, &failures
	_ = cmd.Run() // the status tells
	for _, secret := range n.idp.Secrets() {
		if secret != "" && strings.Contains(out.String()+failures.String(), secret) {
			n.t.Errorf("a credential is shown: %.12s…", secret)
		}
	}
	lines = strings.Split(strings.TrimSpace(out.String()), "\n")
	slices.Sort(lines)
	return cmd.ProcessState.ExitCode(), lines, failures.String()
}

func (n *night) expect(status int, want []string, args ...string) {
	n.t.Helper()
	got, lines, stderr := n.work(args...)
	slices.Sort(want)
	if got != status || !slices.Equal(lines, want) {
		n.t.Errorf("%v: status %d\n%s\nwant status %d\n%s\n%s", args, got, strings.Join(lines, "\n"), status, strings.Join(want, "\n"), stderr)
	}
}

func TestWorker_ActsForWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	n.signIn(adele)
	n.signIn(adele)
	n.signIn(alex)
	const (
		adeles = "Adele Vance, whose manager is Miriam Graham"
		alexs  = "Alex Wilber, whose manager is Megan Bowen"
	)
	n.expect(0, []string{"ADELEV@contoso.com: " + adeles, "nobody@contoso.com: skipped, is not signed in"}, "ADELEV@contoso.com", "nobody@contoso.com")
	n.expect(0, []string{adele + ": " + adeles, alex + ": " + alexs})
	n.idp.Revoke(alex)
	n.expect(0, []string{adele + ": " + adeles, alex + ": must sign in again"})
}

func TestWorker_TriesAgainWhatIsUnavailable(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	n.signIn(adele)
	n.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"1"}}})
	n.expect(0, []string{adele + ": Adele Vance, whose manager is Miriam Graham", adele + ": unavailable, will be tried again"}, "-pause", "10ms", adele)
}

func TestJob_GivesUpInTheEndAndDoesTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		j := &job{out: &out, pause: time.Minute}
		busy := particular(fibermsal.ErrUnavailable)
		busy.RetryAfter = time.Hour
		began, tried := time.Now(), 0
		err := j.do(t.Context(), []task{
			{"a", func(context.Context) (string, error) { tried++; return "", busy }, false},
			{"b", func(context.Context) (string, error) { return "done", nil }, false},
			{"c", func(context.Context) (string, error) { return "", errors.New("broken") }, false},
		})
		if err == nil || err.Error() != "2 could not be done" || tried != 3 || time.Since(began) != 2*time.Hour {
			t.Errorf("%v, tried %d times in %v", err, tried, time.Since(began))
		}
		if !strings.Contains(out.String(), "a: unavailable, will be tried again\nb: done\nc: failed: broken\n") {
			t.Errorf("%s", out.String())
		}
	})
}

// particular returns an error of a kind, to be changed.
func particular(kind error) *fibermsal.Error {
	var e *fibermsal.Error
	errors.As(kind, &e)
	return e
}

func TestJob_SaysWhyItDidNothing(t *testing.T) {
	t.Parallel()
	shared := particular(fibermsal.ErrNotSignedIn)
	shared.Reason = "mail_of_two_people"
	for name, c := range map[string]struct {
		err   error
		isApp bool
		says  string
		fails bool
	}{
		"not signed in":                 {fibermsal.ErrNotSignedIn, false, "a: skipped, is not signed in\n", false},
		"an address of several users":   {shared, false, "a: skipped, because several signed-in users have this address\n", false},
		"a user who must sign in again": {fibermsal.ErrLoginRequired, false, "a: must sign in again\n", false},
		"an app cannot sign in again":   {fibermsal.ErrLoginRequired, true, "a: failed: Please sign in. (login_required)\n", true},
	} {
		var out strings.Builder
		j := &job{out: &out}
		err := j.do(t.Context(), []task{{"a", func(context.Context) (string, error) { return "", c.err }, c.isApp}})
		if out.String() != c.says || (err != nil) != c.fails {
			t.Errorf("%s: %q, %v", name, out.String(), err)
		}
	}
}

func TestJob_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	j := &job{out: &strings.Builder{}, pause: time.Hour}
	err := j.do(ctx, []task{{"a", func(context.Context) (string, error) { return "", fibermsal.ErrUnavailable }, false}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestWorker_ActsAsTheApp(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	var id string
	for _, u := range n.idp.Users() {
		if u.UPN == adele {
			id = u.ID
		}
	}
	n.expect(0, []string{id + ": Adele Vance, by the app"}, "-as-app", id)
	status, lines, _ := n.work("-as-app", "00000000-0000-0000-0000-000000000000")
	if status != 1 || !strings.Contains(lines[0], "failed: ") {
		t.Errorf("%d %q", status, lines)
	}
}

func TestWorker_SaysWhatIsWrongWithItsEnvironment(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	n.env = append(n.env, "FIBERMSAL_REDIS_URL=")
	if status, _, stderr := n.work(); status != 1 || !strings.Contains(stderr, "FIBERMSAL_REDIS_URL is required") {
		t.Errorf("%d %s", status, stderr)
	}
	n.env = append(n.env, "FIBERMSAL_CLIENT_SECRT=x")
	if status, _, stderr := n.work(); status != 1 || !strings.Contains(stderr, "FIBERMSAL_CLIENT_SECRT is unknown") {
		t.Errorf("%d %s", status, stderr)
	}
}
