package redistest

import (
	"net/url"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is Redis however it is run.
type Redis interface {
	// Connect makes a client as an instance of an app has: each call makes one, and
	// all are closed when the test ends.
	Connect() redis.UniversalClient
	// ConnectAs is Connect as a user of Redis.
	ConnectAs(user, password string) redis.UniversalClient
	// URLAs is what fibermsal.RedisStorage takes to connect as a user of Redis, or with
	// neither name nor password as the one whom Redis takes for granted.
	URLAs(user, password string) string
	// Patient is Connect with go-redis' own deadlines of seconds, for tests that are not
	// about deadlines: a machine that is busy misses shorter ones.
	Patient() redis.UniversalClient
	// Masters are the servers that keys are written to now.
	Masters() []*Server
	// Keys returns the names of all keys, sorted.
	Keys() []string
	// Dump returns what all masters hold, as [Server.Dump] does.
	Dump() []byte
	// Stop kills all servers that hold keys, as a crash would.
	Stop()
	// Restart starts them again, with what they kept on disk.
	Restart()

	seenBy(testing.TB) Redis
}

var (
	_ Redis = (*Server)(nil)
	_ Redis = (*Cluster)(nil)
	_ Redis = (*Sentinel)(nil)
)

// topologies are the ways to run Redis that fibermsal promises to work with.
var topologies = []*topology{
	{name: "single", start: starts(Start)},
	{name: "cluster", start: starts(StartCluster)},
	{name: "sentinel", start: starts(StartSentinel)},
}

func starts[R Redis](start func(testing.TB, ...string) R) func(testing.TB, ...string) Redis {
	return func(tb testing.TB, args ...string) Redis {
		tb.Helper()
		return start(tb, args...)
	}
}

// Each names the topologies for subtests, and says how each is got: one server, a
// Cluster of three masters, and a master with a replica that a sentinel watches. All
// tests share them, for a Cluster takes seconds to start: each test has keys of its own,
// and none stops a server. Each comes first in its test, which it makes parallel.
func Each(t *testing.T) map[string]func(*testing.T) Redis {
	t.Helper()
	each := make(map[string]func(*testing.T) Redis)
	for _, p := range topologies {
		p.join(t)
		each[p.name] = p.shared
	}
	t.Parallel()
	return each
}

// EachAlone is Each for tests that do with the servers what they want: they get some of
// their own. Args are as for [Start].
func EachAlone(t *testing.T, args ...string) map[string]func(*testing.T) Redis {
	t.Helper()
	t.Parallel()
	each := make(map[string]func(*testing.T) Redis)
	for _, p := range topologies {
		each[p.name] = func(t *testing.T) Redis {
			t.Helper()
			return p.start(t, args...)
		}
	}
	return each
}

// topology is a way to run Redis, and what tests share of it: that starts with the
// first that needs it and ends with the last that joined. All join before the first
// one is parallel, so it starts once.
type topology struct {
	name  string
	start func(testing.TB, ...string) Redis

	mu      sync.Mutex
	users   int
	running Redis
	ends    []func()
}

func (p *topology) join(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users++
	t.Cleanup(p.leave)
}

func (p *topology) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users--; p.users > 0 {
		return
	}
	for _, end := range slices.Backward(p.ends) {
		end()
	}
	p.running, p.ends = nil, nil
}

func (p *topology) shared(t *testing.T) Redis {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == nil {
		p.running = p.start(&host{t, p})
	}
	return p.running.seenBy(t)
}

// host is the test that starts what others go on to use after its end.
type host struct {
	testing.TB
	topology *topology
}

// Cleanup waits for the last test.
func (h *host) Cleanup(end func()) { h.topology.ends = append(h.topology.ends, end) }

// TempDir lasts until the last test ends.
func (h *host) TempDir() string {
	h.Helper()
	dir, err := os.MkdirTemp("", "redistest")
	if err != nil {
		h.Fatalf("redistest: %v", err)
	}
	h.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Failed is nobody's: the test may be over, and must not be written to.
func (h *host) Failed() bool { return false }

func userinfo(user, password string) *url.Userinfo {
	if user == "" && password == "" {
		return nil
	}
	return url.UserPassword(user, password)
}

// asAnApp has the deadlines that fibermsal.RedisStorage sets.
func asAnApp(user, password string) redis.UniversalOptions {
	return redis.UniversalOptions{
		Username: user, Password: password,
		ContextTimeoutEnabled: true,
		DialTimeout:           500 * time.Millisecond,
		ReadTimeout:           250 * time.Millisecond,
		WriteTimeout:          250 * time.Millisecond,
		PoolTimeout:           250 * time.Millisecond,
		MaxRetries:            1,
	}
}
