package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/freeport"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

const (
	// patience is the timeout for operations that normally take a moment, because the machine may be
	// small and busy, and the race detector may be enabled.
	patience = 60 * time.Second
	// pollInterval is how often a condition is looked at.
	pollInterval = 20 * time.Millisecond
)

// raceEnv builds the programs with the race detector although the tests have none.
const raceEnv = "FIBERMSAL_E2E_RACE"

// The programs under test.
var (
	exampleApp   = &program{source: "./examples/fiber-app"}
	exampleAppV3 = &program{module: "v3", source: "./examples/fiber-app"} // on Fiber v3
	emulator     = &program{source: "./cmd/entra-emulator"}
)

// scratch is a directory for the whole run. It contains the programs and the browsers' profiles.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if scratch, err = os.MkdirTemp("", "fibermsal-e2e-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(scratch) }()
		return m.Run()
	}())
}

// program is a command of the repository. It is built once per run, and only if a test needs it,
// because a program with the Graph SDK takes minutes to compile for the first time.
type program struct {
	module  string // the directory of its module in the repository, "" for the root
	source  string
	overlay string // a file for -overlay, "" for none
	once    sync.Once
	file    string
	err     error
}

func (p *program) build(t *testing.T) string {
	t.Helper()
	p.once.Do(func() {
		p.file = filepath.Join(scratch, strings.ReplaceAll(path.Join(p.module, p.source), "/", "-"))
		args := []string{"build", "-o", p.file, "-overlay", p.overlay}
		if raceEnabled || os.Getenv(raceEnv) != "" {
			args = append(args, "-race")
		}
		cmd := exec.Command("go", append(args, p.source)...)
		cmd.Dir = filepath.Join("..", p.module) // for the versions that it names
		if out, err := cmd.CombinedOutput(); err != nil {
			p.err = fmt.Errorf("go build %s: %w\n%s", path.Join(p.module, p.source), err, out)
		}
	})
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p.file
}

// process is a running program.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *logbook
	stderr *logbook
	exited chan struct{}
}

// run starts a program with env and the few variables that every program needs, and ends it with the
// test.
func run(t *testing.T, p *program, env []string, args ...string) *process {
	t.Helper()
	q := &process{t: t, stdout: &logbook{}, stderr: &logbook{}, exited: make(chan struct{})}
	q.cmd = exec.Command(p.build(t), args...)
	q.cmd.Dir = t.TempDir()
	q.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}, env...)
	q.cmd.Stdout, q.cmd.Stderr = q.stdout, q.stderr
	redistest.DieWithTest(q.cmd)
	if err := q.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = q.cmd.Wait() // what matters is in ProcessState
		close(q.exited)
	}()
	t.Cleanup(q.stop)
	return q
}

// stop ends the process as an operator would. A detected race fails the test.
func (q *process) stop() {
	q.t.Helper()
	if q.running() {
		q.signal(syscall.SIGTERM)
		q.wait()
	}
	if strings.Contains(q.stderr.String(), "WARNING: DATA RACE") {
		q.t.Errorf("%s found a data race:\n%s", filepath.Base(q.cmd.Path), q.stderr)
	}
}

func (q *process) running() bool {
	select {
	case <-q.exited:
		return false
	default:
		return true
	}
}

func (q *process) signal(s os.Signal) {
	q.t.Helper()
	if err := q.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		q.t.Fatal(err)
	}
}

// wait waits for the end and returns the exit status, or -1 after a fatal signal.
func (q *process) wait() int {
	q.t.Helper()
	select {
	case <-q.exited:
	case <-time.After(patience):
		_ = q.cmd.Process.Signal(syscall.SIGQUIT) // prints what it hangs on
		<-q.exited
		q.t.Fatalf("%s does not stop:\n%s", filepath.Base(q.cmd.Path), q.stderr)
	}
	return q.cmd.ProcessState.ExitCode()
}

// await waits until condition holds and fails the test if the process ends before.
func (q *process) await(what string, condition func() bool) {
	q.t.Helper()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-q.exited:
			q.t.Fatalf("%s ended before %s: %v\n%s%s", filepath.Base(q.cmd.Path), what, q.cmd.ProcessState, q.stdout, q.stderr)
		case <-deadline:
			q.t.Fatalf("%s: not %s after %v\n%s%s", filepath.Base(q.cmd.Path), what, patience, q.stdout, q.stderr)
		case <-time.After(pollInterval):
		}
	}
}

// app is a program that serves on loopback, such as the example.
type app struct {
	*process
	program *program
	env     []string
	site    site
}

// site is the address of an app.
type site struct {
	url  string // origin
	base string // the path below which browsers reach the app, or ""
	port string
	cert *certificate // nil for plain http
}

// newSite chooses a port and, for https, makes a certificate. app.localhost is
// another site than login.localhost, where the emulator is: browsers treat each
// name below localhost as a domain of its own.
func newSite(t *testing.T, scheme string) site {
	t.Helper()
	s := site{port: freeport.For(t)}
	s.url = scheme + "://app.localhost:" + s.port
	if scheme == "https" {
		s.cert = newCertificate(t, "app.localhost")
	}
	return s
}

// at returns the URL of a path of the app, as browsers write it.
func (s site) at(path string) string { return s.url + s.base + path }

// startApp runs the example at a site, as a client of an identity provider.
func startApp(t *testing.T, s site, idp *provider, env ...string) *app {
	t.Helper()
	return startProgram(t, exampleApp, s, idp, env...)
}

// startProgram runs any app at a site, as a client of an identity provider.
func startProgram(t *testing.T, p *program, s site, idp *provider, env ...string) *app {
	t.Helper()
	a := &app{program: p, site: s, env: slices.Concat([]string{
		"PORT=" + s.port,
		"FIBERMSAL_PUBLIC_URL=" + s.url,
		"FIBERMSAL_CLIENT_ID=" + idp.clientID,
		"FIBERMSAL_CLIENT_SECRET=" + idp.clientSecret,
		"FIBERMSAL_AUTHORITY=" + idp.authority,
		"FIBERMSAL_GRAPH_URL=" + idp.graphURL,
		"FIBERMSAL_CA_FILE=" + idp.caFile,
	}, env)}
	if s.cert != nil {
		a.env = append(a.env, "FIBERMSAL_TLS_CERT_FILE="+s.cert.certFile, "FIBERMSAL_TLS_KEY_FILE="+s.cert.keyFile)
	}
	a.start(t)
	return a
}

// start runs the app, again if it has ended, until it accepts connections.
func (a *app) start(t *testing.T) {
	t.Helper()
	a.process = run(t, a.program, a.env)
	a.await("serving", func() bool { return accepts("127.0.0.1:" + a.site.port) })
}

func accepts(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// logbook collects log output.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns everything so far.
func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
