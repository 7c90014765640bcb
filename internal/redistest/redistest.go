// Package redistest runs real redis-server processes for tests, or those of another program
// that speaks its protocol and understands its options, such as valkey-server.
//
// A fake would agree with us about what Redis does; the faults worth finding are
// those where Redis does not.
package redistest

import (
	"cmp"
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
)

// allEnv, when set, turns a missing program into a failure: make test installs
// what is needed and promises that nothing is skipped.
const allEnv = "FIBERMSAL_TEST_ALL"

// serverEnv names the program to run instead of redis-server.
const serverEnv = "FIBERMSAL_TEST_REDIS"

const (
	startTimeout = 20 * time.Second
	pollInterval = 10 * time.Millisecond
	// startAttempts is for the moment between finding a free port and redis
	// taking it, in which somebody else may.
	startAttempts = 5
)

// Server is a redis-server process that belongs to one test.
type Server struct {
	// URL is what RedisStorage takes.
	URL string
	// Addr is host:port.
	Addr string

	tb      testing.TB
	program string // path of redis-server, or of what runs in its place
	conf    string // path of a configuration file; "" without
	args    []string
	env     []string // beside this process's
	dir     string
	client  *redis.Client
	child   *child
}

// child is one life of the process.
type child struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// Start runs a redis-server on a free port of loopback with a directory of its
// own, and ends it with the test. It keeps nothing on disk unless args, which are
// redis-server's own, say so ("--appendonly", "yes"). Without redis-server on this
// machine the test is skipped.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	s := &Server{tb: tb, args: args}
	s.launch(freePort)
	return s
}

// launch starts the process on one of the ports that pick picks.
func (s *Server) launch(pick func(testing.TB) string) {
	s.tb.Helper()
	s.program = ServerProgram(s.tb)
	s.dir = s.tb.TempDir()
	var err error
	for range startAttempts {
		s.Addr = net.JoinHostPort("127.0.0.1", pick(s.tb))
		if err = s.start(); err == nil {
			break
		}
	}
	if err != nil {
		s.tb.Fatalf("redistest: %v", err)
	}
	s.URL = "redis://" + s.Addr + "/0"
	// One attempt to connect: tests stop the server and want to be told at once.
	s.client = redis.NewClient(&redis.Options{Addr: s.Addr, DialerRetries: 1})
	s.tb.Cleanup(func() {
		_ = s.client.Close()
		s.Stop()
	})
}

// ServerProgram returns the path of redis-server, or of the program that the environment
// names in its place. Without it, it skips or fails the test as [Program] does.
func ServerProgram(tb testing.TB) string {
	tb.Helper()
	return Program(tb, cmp.Or(os.Getenv(serverEnv), "redis-server"))
}

// Program returns the path of the first of the named programs that is installed,
// and skips the test if none is, or fails it where everything must run.
func Program(tb testing.TB, names ...string) string {
	tb.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Missing(tb, strings.Join(names, " or "))
	return ""
}

// Node returns the path of node, for a program on MSAL Node, which npm has installed in
// dir. Without either it skips or fails the test as [Program] does.
func Node(tb testing.TB, dir string) string {
	tb.Helper()
	node := Program(tb, "node")
	// The file is the last that npm writes.
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err != nil {
		Missing(tb, "MSAL Node")
	}
	return node
}

// Missing skips the test for want of something that make test installs, or fails it
// where everything must run.
func Missing(tb testing.TB, what string) {
	tb.Helper()
	sentence := what + " is not installed; \"make test\" installs it and runs this test"
	if os.Getenv(allEnv) != "" {
		tb.Fatal(sentence)
	}
	tb.Skip(sentence)
}

func freePort(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String()) // the address of a listener has a port
	return port
}

// Connect implements [Redis].
func (s *Server) Connect() redis.UniversalClient { return s.dial(asAnApp("", "")) }

// ConnectAs implements [Redis].
func (s *Server) ConnectAs(user, password string) redis.UniversalClient {
	return s.dial(asAnApp(user, password))
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

// Masters implements [Redis]: there is one.
func (s *Server) Masters() []*Server { return []*Server{s} }

func (s *Server) seenBy(tb testing.TB) Redis {
	tb.Helper()
	return viewsOf(tb, []*Server{s})[0]
}

// viewsOf lets another test look at servers.
func viewsOf(tb testing.TB, servers []*Server) []*Server {
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

// Stop kills the process, as a crash would. Stopping twice is fine.
func (s *Server) Stop() {
	if s.child == nil {
		return
	}
	_ = s.child.cmd.Process.Kill() // it may be dead already
	<-s.child.exited
	s.child = nil
}

// Restart starts the server again on the same port, with what it kept on disk; by
// default that is nothing.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Stop()
	if err := s.start(); err != nil {
		s.tb.Fatalf("redistest: %v", err)
	}
}

// start runs the process until it answers PING.
func (s *Server) start() error {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	var args []string
	if s.conf != "" {
		args = append(args, s.conf) // which redis-server wants first
	}
	args = append(args,
		"--bind", host, "--port", port, "--dir", s.dir, "--logfile", s.logfile(),
		"--save", "", "--appendonly", "no", "--daemonize", "no")
	cmd := exec.Command(s.program, append(args, s.args...)...)
	cmd.Env = append(os.Environ(), s.env...)
	DieWithTest(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	c := &child{cmd: cmd, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // being killed is how it ends
		close(c.exited)
	}()
	s.child = c
	if err := s.awaitPong(c); err != nil {
		s.Stop()
		return fmt.Errorf("%s: %w\n%s", filepath.Base(s.program), err, s.journal())
	}
	return nil
}

func (s *Server) logfile() string { return filepath.Join(s.dir, "redis.log") }

// journal is what the process has logged, for messages only.
func (s *Server) journal() []byte {
	said, _ := os.ReadFile(s.logfile()) // it may not have begun
	return said
}

func (s *Server) awaitPong(c *child) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		// The pid tells our process from one that was faster to take the port.
		info, err := ping(ctx, s.Addr)
		if err == nil && strings.Contains(info, fmt.Sprintf("process_id:%d\r\n", c.cmd.Process.Pid)) {
			return nil
		}
		select {
		case <-c.exited:
			return errors.New("exited at once")
		case <-ctx.Done():
			return fmt.Errorf("not ready after %v: %w", startTimeout, err)
		case <-time.After(pollInterval):
		}
	}
}

// ping asks on a connection of its own: a client would keep refused connections
// in mind and log them.
func ping(ctx context.Context, addr string) (string, error) {
	probe, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	_ = probe.Close()
	client := redis.NewClient(&redis.Options{Addr: addr, DialerRetries: 1, MaxRetries: -1})
	defer func() { _ = client.Close() }()
	if err := client.Ping(ctx).Err(); err != nil {
		return "", err // while it is loading, too
	}
	return client.Info(ctx, "server").Result()
}
