package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/figure"
)

var tool = &program{source: "./cmd/fibermsal"}

// single is an app on a single server without Redis.
type single struct {
	t *testing.T
	*app
	idp  *provider
	file string
}

func newSingle(t *testing.T, p *program, env ...string) *single {
	t.Helper()
	s := &single{t: t, file: filepath.Join(t.TempDir(), "data", "sessions.db")}
	place := newSite(t, "http")
	s.idp = emulatorFor(t, place)
	s.app = startProgram(t, p, place, s.idp, append(env, "FIBERMSAL_STORAGE_FILE="+s.file)...)
	return s
}

// kill ends the app as a crash does.
func (s *single) kill() {
	s.t.Helper()
	s.signal(syscall.SIGKILL)
	s.wait()
}

// signedIn returns the client of somebody who has signed in.
func (s *single) signedIn(login string) *client {
	s.t.Helper()
	c := newClient(s.t, s.site)
	c.signIn(login)
	return c
}

// session is a line of `fibermsal sessions list -json`.
type session struct {
	ID       string `json:"id"`
	Username string `json:"username"`
}

// sessions runs a command of the tool, and returns its status and what it printed.
func (s *single) sessions(args ...string) (status int, stdout, stderr string) {
	s.t.Helper()
	q := run(s.t, tool, s.env, append([]string{"sessions"}, args...)...)
	status = q.wait()
	return status, q.stdout.String(), q.stderr.String()
}

func (s *single) listed() (all []session) {
	s.t.Helper()
	status, stdout, stderr := s.sessions("list", "-json")
	if status != 0 {
		s.t.Fatalf("list: status %d %s", status, stderr)
	}
	for line := range strings.Lines(stdout) {
		var one session
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			s.t.Fatalf("%v: %s", err, line)
		}
		all = append(all, one)
	}
	return all
}

func TestG20_SingleServerKilledAndRestarted(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*program{"Fiber v2": exampleApp, "Fiber v3": exampleAppV3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSingle(t, p, "FIBERMSAL_IDLE_TIMEOUT=2s")
			idle := s.signedIn(diego.login)
			s.kill()
			s.env = append(s.env, "FIBERMSAL_IDLE_TIMEOUT=8h")
			s.start(t)
			stays, ends := s.signedIn(adele.login), s.signedIn(alex.login)
			s.kill()
			<-time.After(2 * time.Second)
			s.start(t)
			if idle.user() != "" || stays.user() != adele.login || ends.user() != alex.login {
				t.Errorf("signed in after the restart: %q, %q, %q", idle.user(), stays.user(), ends.user())
			}
			if a := stays.get("/profile"); a.StatusCode != http.StatusOK {
				t.Errorf("a page that calls Graph: %d %s", a.StatusCode, a.body)
			}
			s.administer(alex.login)
			s.start(t)
			if stays.user() != adele.login || ends.user() != "" {
				t.Errorf("signed in after sessions end: %q, %q", stays.user(), ends.user())
			}
		})
	}
}

// administer ends the session of a user, while the app is stopped.
func (s *single) administer(login string) {
	s.t.Helper()
	if status, _, stderr := s.sessions("list"); status == 0 || !strings.Contains(stderr, "another process uses the file") {
		s.t.Errorf("while the app runs: status %d %s", status, stderr)
	}
	doctor := run(s.t, tool, s.env, "doctor", "-errors")
	if status := doctor.wait(); status != 0 || !strings.Contains(doctor.stdout.String(), "another process uses, so it was not examined") {
		s.t.Errorf("doctor while the app runs: status %d\n%s%s", status, doctor.stdout, doctor.stderr)
	}
	s.stop()
	all := s.listed()
	if len(all) != 2 {
		s.t.Errorf("sessions: %+v", all)
	}
	for _, one := range all {
		if one.Username != login {
			continue
		}
		if status, stdout, stderr := s.sessions("end", "-id", one.ID, "-yes"); status != 0 {
			s.t.Errorf("end: status %d %s%s", status, stdout, stderr)
		}
	}
	if left := s.listed(); len(left) != 1 || left[0].Username == login {
		s.t.Errorf("left: %+v", left)
	}
	for name, want := range map[string]os.FileMode{s.file: 0o600, s.file + ".key": 0o600, filepath.Dir(s.file): 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			s.t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// A command with a wrong path must neither report that there are no sessions nor create a file that the
// app could not open.
func TestSingleServer_ToolNeedsTheFile(t *testing.T) {
	t.Parallel()
	s := newSingle(t, exampleApp)
	s.stop()
	s.env = append(s.env, "FIBERMSAL_STORAGE_FILE="+s.file+".wrong")
	if status, stdout, stderr := s.sessions("list"); status == 0 || stdout != "" || !strings.Contains(stderr, "FIBERMSAL_STORAGE_FILE cannot be opened") {
		t.Errorf("status %d %s%s", status, stdout, stderr)
	}
	if _, err := os.Stat(s.file + ".wrong"); err == nil {
		t.Error("it made a file")
	}
}

// A process that is killed at any point leaves each session as it was before or as it would have been
// after.
func TestG20_SingleServerKilledAtAnyPoint(t *testing.T) {
	t.Parallel()
	s := newSingle(t, exampleApp)
	whole, gone, broken := 0, 0, 0
	for range repeats(200) {
		resident, leaver, newcomer := s.signedIn(adele.login), s.signedIn(diego.login), newClient(t, s.site)
		callback := newcomer.approach(alex.login)
		var wait sync.WaitGroup
		wait.Go(func() { newcomer.attempt(callback) })
		wait.Go(func() { leaver.attemptSignOut() })
		<-time.After(rand.N(30 * time.Millisecond))
		s.kill()
		wait.Wait()
		s.start(t)
		if got := resident.user(); got != adele.login {
			broken++
			t.Errorf("signed in before: %q", got)
		}
		for c, login := range map[*client]string{leaver: diego.login, newcomer: alex.login} {
			switch got := c.user(); got {
			case login:
				whole++
			case "":
				gone++
			default:
				broken++
				t.Errorf("%s: %q", login, got)
			}
		}
		if newcomer.cookie(s.site.cookieName()) != "" && newcomer.user() != alex.login {
			broken++
			t.Error("a session that was handed out is lost")
		}
	}
	t.Logf("%d sessions whole, %d gone or never begun", whole, gone)
	figure.Report(t, figure.Figure{Row: "R16", Name: "sessions broken by kill -9 at any point, in a file", Value: fmt.Sprintf("%d of %d", broken, whole+gone+broken)})
}

// attemptSignOut sends a request to an app that may be killed in the meantime. The cookie is kept, as
// by an attacker.
func (c *client) attemptSignOut() {
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.site.url+"/user/logout", http.NoBody)
	if err != nil {
		return
	}
	r.AddCookie(&http.Cookie{Name: c.site.cookieName(), Value: c.cookie(c.site.cookieName())})
	if resp, err := c.http.Transport.RoundTrip(r); err == nil {
		_ = resp.Body.Close()
	}
}
