package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/freeport"
)

const (
	startTimeout = 20 * time.Second
	// startAttempts is for servers that take the port between its choice and its use.
	startAttempts = 5
)

// Server is a redis-server process that belongs to one test.
type Server struct {
	// URL is for RedisStorage.
	URL string
	// Addr is host:port.
	Addr string

	tb      testing.TB
	program string // path of redis-server, or of its replacement
	conf    string // path of a configuration file, or ""
	args    []string
	env     []string // in addition to this process's
	dir     string
	client  *redis.Client
	process *process // nil while it is stopped
}

type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// Start runs a redis-server on a free loopback port with a directory of its own, and stops it
// when the test ends. It keeps nothing on disk unless args, which are those of redis-server, say
// so ("--appendonly", "yes"). If redis-server is not installed, the test is skipped.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	s := &Server{tb: tb, args: args}
	s.launch()
	return s
}

// launch starts the process on a free port. The ports at the given offsets from it are its own, too.
func (s *Server) launch(offsets ...int) {
	s.tb.Helper()
	s.program = ServerProgram(s.tb)
	s.dir = s.tb.TempDir()
	var err error
	for range startAttempts {
		s.Addr = net.JoinHostPort("127.0.0.1", freeport.For(s.tb, offsets...))
		if err = s.start(); err == nil {
			break
		}
	}
	if err != nil {
		s.tb.Fatalf("redistest: %v", err)
	}
	s.URL = "redis://" + s.Addr + "/0"
	// It dials once, because tests stop the server and expect an error at once.
	s.client = redis.NewClient(&redis.Options{Addr: s.Addr, DialerRetries: 1})
	s.tb.Cleanup(func() {
		_ = s.client.Close()
		s.Stop()
	})
}

// Connect implements [Redis].
func (s *Server) Connect() redis.UniversalClient { return s.dial(appOptions("", "")) }

// ConnectAs implements [Redis].
func (s *Server) ConnectAs(user, password string) redis.UniversalClient {
	return s.dial(appOptions(user, password))
}

// URLAs implements [Redis].
func (s *Server) URLAs(user, password string) string {
	return (&url.URL{Scheme: "redis", User: userinfo(user, password), Host: s.Addr}).String()
}

// Patient implements [Redis].
func (s *Server) Patient() redis.UniversalClient { return s.dial(redis.UniversalOptions{}) }

func (s *Server) dial(o redis.UniversalOptions) redis.UniversalClient {
	o.Addrs = []string{s.Addr}
	options := o.Simple()
	options.DialerRetries = 1
	client := redis.NewClient(options)
	s.tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Masters implements [Redis]. There is one.
func (s *Server) Masters() []*Server { return []*Server{s} }

func (s *Server) viewFor(tb testing.TB) Redis {
	tb.Helper()
	return viewsFor(tb, []*Server{s})[0]
}

// viewsFor returns copies of servers for use in another test.
func viewsFor(tb testing.TB, servers []*Server) []*Server {
	tb.Helper()
	views := make([]*Server, len(servers))
	for i, s := range servers {
		view := *s
		view.tb = tb
		views[i] = &view
	}
	return views
}

// Client returns the test's own client, which is closed when the test ends.
func (s *Server) Client() *redis.Client { return s.client }

// Stop kills the process, as a crash would. Stop may be called again.
func (s *Server) Stop() {
	if s.process == nil {
		return
	}
	_ = s.process.cmd.Process.Kill() // it may have exited already
	<-s.process.exited
	s.process = nil
}

// Restart starts the server again on the same port, with the data that it kept on disk. By
// default it keeps none.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Stop()
	if err := s.start(); err != nil {
		s.tb.Fatalf("redistest: %v", err)
	}
}

// start runs the process and waits until it replies to PING.
func (s *Server) start() error {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	var args []string
	if s.conf != "" {
		args = append(args, s.conf) // redis-server requires it first
	}
	args = append(args,
		"--bind", host, "--port", port, "--dir", s.dir, "--logfile", s.logPath(),
		"--save", "", "--appendonly", "no", "--daemonize", "no")
	cmd := exec.Command(s.program, append(args, s.args...)...)
	cmd.Env = append(os.Environ(), s.env...)
	DieWithTest(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // it ends by a signal
		close(p.exited)
	}()
	s.process = p
	if err := s.awaitReady(p); err != nil {
		s.Stop()
		return fmt.Errorf("%s: %w\n%s", filepath.Base(s.program), err, s.log())
	}
	return nil
}

func (s *Server) logPath() string { return filepath.Join(s.dir, "redis.log") }

// log returns the log of the process, for messages only.
func (s *Server) log() []byte {
	log, _ := os.ReadFile(s.logPath()) // it may not exist yet
	return log
}

func (s *Server) awaitReady(p *process) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		// The PID distinguishes this process from another one that took the port first.
		info, err := ping(ctx, s.Addr)
		if err == nil && strings.Contains(info, fmt.Sprintf("process_id:%d\r\n", p.cmd.Process.Pid)) {
			return nil
		}
		select {
		case <-p.exited:
			return errors.New("exited at once")
		case <-ctx.Done():
			return fmt.Errorf("not ready after %v: %w", startTimeout, err)
		case <-time.After(pollInterval):
		}
	}
}

// ping dials before it makes a client, because a client would remember and log refused
// connections.
func ping(ctx context.Context, addr string) (string, error) {
	probe, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	_ = probe.Close()
	client := redis.NewClient(&redis.Options{Addr: addr, DialerRetries: 1, MaxRetries: -1})
	defer func() { _ = client.Close() }()
	if err := client.Ping(ctx).Err(); err != nil {
		return "", err // also while it loads its data
	}
	return client.Info(ctx, "server").Result()
}
