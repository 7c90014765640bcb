package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

// asProgram lets the test binary be the program. Its name does not begin with the prefix,
// under which it would be a spelling mistake.
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

// patiently is for machines that are busy: these tests are not about deadlines.
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
		entratest.WithRedirectURI(publicURL + "/user/authorized"), entratest.WithOptionalClaims("email"),
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

// signIn signs a person in by the front door and returns the session's cookie.
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

// isSignedIn asks the app.
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

// command is a run of the program with nothing but the stage's environment.
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

// run runs the program without a terminal, and makes sure that it shows no secret.
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

func TestList_ShowsWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if o := s.run("sessions", "list"); o.status != statusOK || o.stderr != "0 sessions\n" || strings.Count(o.stdout, "\n") != 1 {
		t.Errorf("nobody: %+v", o)
	}
	for _, login := range []string{adele, adele, alex} {
		s.signIn(s.app, login)
	}
	o := s.run("sessions", "list")
	const stamp = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`
	table := regexp.MustCompile(`^USER +MAIL +SIGNED IN +LAST SEEN +ENDS +ID\n` +
		`((AdeleV@contoso\.com|AlexW@contoso\.com) +(adelev|alexw)@contoso\.com +` + stamp + `  ` + stamp + `  ` + stamp + `  [A-Za-z0-9_-]{43}\n){3}$`)
	if o.status != statusOK || o.stderr != "3 sessions\n" || !table.MatchString(o.stdout) {
		t.Errorf("%+v", o)
	}
	all := s.listed()
	if len(all) != 3 {
		t.Fatalf("%d sessions", len(all))
	}
	of := s.listed("-mail", "ADELEV@contoso.com")
	if len(of) != 2 || of[0].Username != adele || of[0].Mail != "adelev@contoso.com" || of[0].TenantID != s.idp.TenantID || of[0].Name == "" ||
		of[0].SignedInAt.Before(of[1].SignedInAt) || !of[0].IdleAt.After(of[0].LastSeenAt) || !of[0].ExpiresAt.After(of[0].IdleAt) {
		t.Errorf("%+v", of)
	}
	for name, row := range map[string]struct {
		args []string
		want int
	}{
		"user":            {[]string{"-user", of[0].UserID}, 2},
		"user and tenant": {[]string{"-user", of[0].UserID, "-tenant", s.idp.TenantID}, 2},
		"another tenant":  {[]string{"-user", of[0].UserID, "-tenant", "x"}, 0},
		"tenant":          {[]string{"-tenant", s.idp.TenantID}, 3},
		"id":              {[]string{"-id", of[1].ID}, 1},
		"id of another":   {[]string{"-id", of[1].ID, "-user", "x"}, 0},
		"no such mail":    {[]string{"-mail", "nobody@contoso.com"}, 0},
		"mail and tenant": {[]string{"-mail", adele, "-tenant", s.idp.TenantID}, 2},
		"mail elsewhere":  {[]string{"-mail", adele, "-tenant", "x"}, 0},
		"before now":      {[]string{"-before", "now"}, 3},
		"before today":    {[]string{"-before", "24h"}, 0},
		"before a date":   {[]string{"-before", "2999-01-01", "-mail", adele}, 2},
		"before a moment": {[]string{"-before", "2020-01-01T00:00:00Z"}, 0},
	} {
		if got := s.listed(row.args...); len(got) != row.want {
			t.Errorf("%s: %d, want %d", name, len(got), row.want)
		}
	}
}

func TestList_NamesObeyNoTerminal(t *testing.T) {
	t.Parallel()
	s := newStage(t, entratest.WithUsers(entratest.User{
		ID: "00000000-0000-0000-0000-000000000001", UPN: "eve\u202e@contoso.com", Mail: "eve@contoso.com", DisplayName: "\x1b[2JEve\u009b2J",
	}))
	s.signIn(s.app, "eve\u202e@contoso.com")
	for _, args := range [][]string{{}, {"-json"}} {
		if o := s.run(append([]string{"sessions", "list"}, args...)...); !strings.Contains(o.stdout, "eve") || strings.ContainsAny(o.stdout, "\x1b\u009b") {
			t.Errorf("%q", o.stdout)
		}
	}
	if got := s.listed(); len(got) != 1 || got[0].Name != "\x1b[2JEve\u009b2J" {
		t.Errorf("%+v", got)
	}
}

// The app gives up after a quarter of a second.
func TestList_WaitsForARedisThatIsSlow(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.signIn(s.app, adele)
	s.env["FIBERMSAL_REDIS_URL"] = s.redis.URL
	if err := s.redis.Client().Do(t.Context(), "CLIENT", "PAUSE", "2000").Err(); err != nil {
		t.Fatal(err)
	}
	if got := s.listed(); len(got) != 1 {
		t.Errorf("%d sessions", len(got))
	}
}

func TestEnd_EndsWhatIsChosen(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	first, second, other := s.signIn(s.app, adele), s.signIn(s.app, adele), s.signIn(s.app, alex)
	id := s.listed("-mail", adele)[1].ID
	if o := s.run("sessions", "end", "-id", id, "-yes"); o.status != statusOK || o.stdout != "1 session ended\n" || o.stderr != "" {
		t.Errorf("%+v", o)
	}
	if s.isSignedIn(s.app, first) || !s.isSignedIn(s.app, second) || !s.isSignedIn(s.app, other) {
		t.Error("the wrong one ended")
	}
	if o := s.run("sessions", "end", "-mail", adele, "-yes", "-json"); o.status != statusOK || o.stdout != `{"ended":1}`+"\n" {
		t.Errorf("%+v", o)
	}
	if s.isSignedIn(s.app, second) || !s.isSignedIn(s.app, other) {
		t.Error("the wrong one ended")
	}
	if o := s.run("sessions", "end", "-mail", adele, "-yes"); o.status != statusOK || o.stdout != "0 sessions ended\n" {
		t.Errorf("%+v", o)
	}
	if o := s.run("sessions", "end", "-before", "now", "-yes", "-v"); o.status != statusOK || o.stdout != "1 session ended\n" || !strings.Contains(o.stderr, "session_ended") {
		t.Errorf("%+v", o)
	}
	if s.isSignedIn(s.app, other) {
		t.Error("not all ended")
	}
}

// Whoever revokes the access of an address must not be told that nobody has it.
func TestEnd_EndsTheSessionsOfAllWhoseMailAddressItIs(t *testing.T) {
	t.Parallel()
	const shared = "team@contoso.com"
	var people []entratest.User
	for i, upn := range []string{"ann@contoso.com", "bob@contoso.com", "carl@contoso.com"} {
		mail := shared
		if i == 2 {
			mail = upn
		}
		people = append(people, entratest.User{ID: fmt.Sprintf("00000000-0000-0000-0000-%012d", i+1), UPN: upn, Mail: mail, DisplayName: "P"})
	}
	s := newStage(t, entratest.WithUsers(people...))
	var cookies []*http.Cookie
	for _, p := range append(people, people[0]) {
		cookies = append(cookies, s.signIn(s.app, p.UPN))
	}
	if got := s.listed("-mail", shared); len(got) != 3 {
		t.Errorf("%d sessions listed", len(got))
	}
	o := s.run("sessions", "end", "-mail", shared, "-yes")
	if o.status != statusOK || o.stdout != "3 sessions ended\n" || !strings.Contains(o.stderr, "several users have this mail address") ||
		!strings.Contains(o.stderr, "ann@contoso.com") || !strings.Contains(o.stderr, "bob@contoso.com") {
		t.Errorf("%+v", o)
	}
	for i, cookie := range cookies {
		if s.isSignedIn(s.app, cookie) != (i == 2) {
			t.Errorf("session %d: signed in %v", i, i != 2)
		}
	}
}

func TestEnd_AsksBefore(t *testing.T) {
	t.Parallel()
	script := redistest.Program(t, "script") // of Debian's bsdutils: it gives a program a terminal
	s := newStage(t)
	cookie := s.signIn(s.app, adele)
	for _, args := range [][]string{{"sessions", "end", "-mail", adele}, {"sessions", "clean", "-unreadable"}} {
		if o := s.run(args...); o.status != statusUsage || !strings.Contains(o.stderr, "no terminal to ask at; with -yes nobody is asked") {
			t.Errorf("without a terminal: %+v", o)
		}
	}
	self := s.command("sessions", "end", "-mail", adele)
	for _, row := range []struct {
		answer string
		status int
		ended  bool
	}{{"n\n", statusFound, false}, {"\n", statusFound, false}, {"yes\n", statusOK, true}} {
		cmd := exec.CommandContext(t.Context(), script, "-qec", strings.Join(self.Args, " "), "/dev/null")
		cmd.Env, cmd.Stdin = slices.Concat(self.Env, []string{"PATH=" + os.Getenv("PATH")}), strings.NewReader(row.answer)
		said, _ := cmd.CombinedOutput() // the status tells
		text := string(said)
		if cmd.ProcessState.ExitCode() != row.status || !strings.Contains(text, "End 1 session? [y/N]") || !strings.Contains(text, "AdeleV@contoso.com") {
			t.Errorf("%q: %d %s", row.answer, cmd.ProcessState.ExitCode(), text)
		}
		if strings.Contains(text, "nothing was done") == row.ended || s.isSignedIn(s.app, cookie) == row.ended {
			t.Errorf("%q: %s", row.answer, text)
		}
	}
}

// records are the app's, as an instance with the first key sees them.
func (s *stage) records() *record.Store {
	s.t.Helper()
	ring, err := sealed.NewRing([][]byte{key}, "records")
	if err != nil {
		s.t.Fatal(err)
	}
	return record.NewStore(record.NewRedis(s.redis.Client(), nil), ring, s.idp.ClientID)
}

func nameOf(cookie *http.Cookie) string {
	name, _ := record.Name(cookie.Value)
	return name
}

func enlist(t *testing.T, records *record.Store, name string) error {
	t.Helper()
	_, err := records.Enlist(t.Context(), name, time.Now().Add(time.Hour), 0)
	return err
}

func TestClean_RemovesLeftoversAndLeavesWhatOthersMayOpen(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	other := s.newApp(otherKey, key)
	s.signIn(s.app, adele)
	gone, foreign := s.signIn(s.app, adele), s.signIn(other, alex)
	records := s.records()
	if err := errors.Join(records.Delete(t.Context(), nameOf(gone)), enlist(t, records, nameOf(foreign))); err != nil {
		t.Fatal(err)
	}

	const found = "alive       1\ngone        1  %s\ncorrupt     0  %s\nunreadable  1  left alone: sealed with a key that is not at hand; see -unreadable\n"
	if o := s.run("sessions", "clean", "-dry-run"); o.status != statusFound || o.stdout != strings.ReplaceAll(found, "%s", "would be removed") {
		t.Errorf("%+v", o)
	}
	if o := s.run("sessions", "clean"); o.status != statusFound || o.stdout != strings.ReplaceAll(found, "%s", "removed") {
		t.Errorf("%+v", o)
	}
	if o := s.run("sessions", "clean", "-json"); o.status != statusFound || o.stdout != `{"alive":1,"gone":0,"corrupt":0,"unreadable":1}`+"\n" {
		t.Errorf("%+v", o)
	}
	if !s.isSignedIn(other, foreign) {
		t.Error("removed, although another instance has the key")
	}
	if o := s.run("sessions", "clean", "-unreadable", "-yes"); o.status != statusOK || !strings.Contains(o.stdout, "unreadable  1  removed\n") {
		t.Errorf("%+v", o)
	}
	if s.isSignedIn(other, foreign) {
		t.Error("still there")
	}
	if o := s.run("sessions", "clean"); o.status != statusOK {
		t.Errorf("%+v", o)
	}
}

func TestProgram_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for name, row := range map[string]struct {
		args   []string
		env    map[string]string
		status int
		says   []string
	}{
		"nothing":         {nil, nil, 2, []string{"usage: fibermsal <command>", "say what to do"}},
		"no such command": {[]string{"session", "list"}, nil, 2, []string{`there is no command "session list"`}},
		"half a command":  {[]string{"sessions"}, nil, 2, []string{`there is no command "sessions"`}},
		"no such flag":    {[]string{"sessions", "list", "-x"}, nil, 2, []string{"-x", "see fibermsal sessions list -h"}},
		"an argument":     {[]string{"sessions", "list", "adele"}, nil, 2, []string{`unexpected argument "adele"`}},
		"odd time":        {[]string{"sessions", "list", "-before", "soon"}, nil, 2, []string{"it must be like 2026-01-31"}},
		"mail and user":   {[]string{"sessions", "list", "-mail", adele, "-user", "x"}, nil, 2, []string{"leave -user out"}},
		"part of a mail":  {[]string{"sessions", "end", "-mail", "contoso.com", "-yes"}, nil, 2, []string{"a whole mail address"}},
		"no choice":       {[]string{"sessions", "end", "-yes"}, nil, 2, []string{"say whose sessions to end"}},
		"environment": {
			[]string{"sessions", "list"},
			map[string]string{"FIBERMSAL_CLIENT_SECRT": "redis-canary", "FIBERMSAL_IDLE_TIMEOUT": "x"},
			2,
			[]string{"\n  FIBERMSAL_CLIENT_SECRT is not known; the nearest is FIBERMSAL_CLIENT_SECRET", "\n  FIBERMSAL_IDLE_TIMEOUT must be a duration"},
		},
		"missing": {
			[]string{"sessions", "list"},
			map[string]string{"FIBERMSAL_CLIENT_SECRET": "", "FIBERMSAL_KEYS": "", "FIBERMSAL_PUBLIC_URL": ""},
			2,
			[]string{"\n  FIBERMSAL_CLIENT_SECRET is required", "\n  FIBERMSAL_PUBLIC_URL is required", "\n  FIBERMSAL_KEYS is required"},
		},
		"no Redis":      {[]string{"sessions", "list"}, map[string]string{"FIBERMSAL_REDIS_URL": ""}, 2, []string{"FIBERMSAL_REDIS_URL is required: sessions in an app's own memory"}},
		"Redis is down": {[]string{"sessions", "list"}, map[string]string{"FIBERMSAL_REDIS_URL": "redis://app:redis-canary@127.0.0.1:1/0"}, 1, []string{"fibermsal: unavailable: storage_failed: dial tcp", "connection refused"}},
		"ending, down":  {[]string{"sessions", "end", "-before", "now", "-yes"}, map[string]string{"FIBERMSAL_REDIS_URL": "redis://127.0.0.1:1/0"}, 1, []string{"0 sessions ended", "storage_failed"}},
		"cleaning, down": {
			[]string{"sessions", "clean"},
			map[string]string{"FIBERMSAL_REDIS_URL": "redis://127.0.0.1:1/0"},
			1,
			[]string{"storage_failed"},
		},
		"not declared":     {[]string{"sessions", "list"}, map[string]string{"FIBERMSAL_TITLE": "x"}, 2, []string{"\n  FIBERMSAL_TITLE is not known, nor near one that is", "-own"}},
		"own variables":    {[]string{"sessions", "list", "-own", "TITLE,PORT"}, map[string]string{"FIBERMSAL_TITLE": "x"}, 0, []string{"0 sessions"}},
		"another prefix":   {[]string{"sessions", "list", "-prefix", "APP"}, nil, 2, []string{"\n  APP_CLIENT_ID is required"}},
		"help":             {[]string{"-h"}, nil, 0, []string{"sessions clean", "doctor", "Exit status"}},
		"help of none":     {[]string{"sessions", "-h"}, nil, 0, []string{"sessions clean"}},
		"help of list":     {[]string{"sessions", "list", "-h"}, nil, 0, []string{"usage: fibermsal sessions list [flags]", "-before time", "-json"}},
		"help of end":      {[]string{"sessions", "end", "-h"}, nil, 0, []string{"-yes", "-before now"}},
		"help of clean":    {[]string{"sessions", "clean", "-h"}, nil, 0, []string{"-dry-run", "-unreadable"}},
		"help of doctor":   {[]string{"doctor", "-h"}, nil, 0, []string{"-errors"}},
		"help without env": {[]string{"help"}, map[string]string{"FIBERMSAL_CLIENT_ID": "", "FIBERMSAL_X": "x"}, 0, []string{"Exit status"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here := &stage{t: t, idp: s.idp, env: maps.Clone(s.env)}
			maps.Copy(here.env, row.env)
			o := here.run(row.args...)
			if o.status != row.status {
				t.Errorf("status %d", o.status)
			}
			for _, text := range row.says {
				if !strings.Contains(o.stdout+o.stderr, text) {
					t.Errorf("it does not say %q: %+v", text, o)
				}
			}
		})
	}
}

// go-redis has a log of its own, on which it repeats what the program says better.
func TestSessions_OneLineSaysThatRedisIsDown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.env["FIBERMSAL_REDIS_URL"] = "redis://127.0.0.1:1/0"
	if o := s.run("sessions", "list"); strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("%s", o.stderr)
	}
	if o := s.run("sessions", "list", "-v"); !strings.Contains(o.stderr, "connection pool") {
		t.Errorf("with -v go-redis says nothing: %s", o.stderr)
	}
}

func TestDoctor_StatusTellsWhetherThereIsSomethingToDo(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	durable := redistest.Start(t, "--appendonly", "yes")
	for name, row := range map[string]struct {
		args   []string
		env    map[string]string
		status int
		worst  fibermsal.Severity
		code   string
	}{
		"all is well":       {nil, map[string]string{"FIBERMSAL_REDIS_URL": durable.URL + patiently}, statusOK, fibermsal.SeverityOK, "redis_persistence"},
		"a warning":         {nil, nil, statusFound, fibermsal.SeverityWarning, "redis_persistence"},
		"a warning is fine": {[]string{"-errors"}, nil, statusOK, fibermsal.SeverityWarning, "redis_persistence"},
		"an error":          {[]string{"-errors"}, map[string]string{"FIBERMSAL_CLIENT_SECRET": "redis-canary"}, statusFound, fibermsal.SeverityError, "secret"},
		"Redis is down":     {nil, map[string]string{"FIBERMSAL_REDIS_URL": "redis://app:redis-canary@127.0.0.1:1/0"}, statusFound, fibermsal.SeverityError, "redis"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here := &stage{t: t, idp: s.idp, env: maps.Clone(s.env)}
			maps.Copy(here.env, row.env)
			o := here.run(append([]string{"doctor"}, row.args...)...)
			if o.status != row.status || strings.Contains(o.stdout, "\n         fix: ") == (row.worst == fibermsal.SeverityOK) {
				t.Errorf("%+v", o)
			}
			o = here.run(append([]string{"doctor", "-json"}, row.args...)...)
			var found fibermsal.Report
			if err := json.Unmarshal([]byte(o.stdout), &found); err != nil || o.status != row.status || found.Worst() != row.worst {
				t.Errorf("%v: %+v", err, o)
			}
			if !slices.ContainsFunc(found, func(f fibermsal.Finding) bool {
				return f.Severity == row.worst && strings.HasPrefix(f.Code, row.code)
			}) {
				t.Errorf("%+v", found)
			}
		})
	}
}
