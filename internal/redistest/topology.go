package redistest

import (
	"os"
	"slices"
	"sync"
	"testing"
)

var (
	_ Redis = (*Server)(nil)
	_ Redis = (*Cluster)(nil)
	_ Redis = (*Sentinel)(nil)
)

// topologies are the ways to run Redis that fibermsal supports.
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

// Each returns a function for each topology, by name for subtests: one server, a Cluster of three
// masters, and a master with a replica and a sentinel. All tests share them, because a Cluster takes
// seconds to start, so each test must use keys of its own and must not stop a server. Each must be
// called first in a test, which it makes parallel.
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

// EachAlone is Each with servers of the test's own, with which it may do anything. args are those of
// [Start].
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

// topology is a way to run Redis, and the instance that tests share. It starts with the first test
// that needs it and stops when the last test that joined has ended. All tests join before the first
// parallel one runs, so it starts once.
type topology struct {
	name  string
	start func(testing.TB, ...string) Redis

	mu      sync.Mutex
	users   int
	running Redis
	cleanup []func()
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
	for _, clean := range slices.Backward(p.cleanup) {
		clean()
	}
	p.running, p.cleanup = nil, nil
}

func (p *topology) shared(t *testing.T) Redis {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == nil {
		p.running = p.start(&host{t, p})
	}
	return p.running.viewFor(t)
}

// host is the test that starts a topology which others may still use after its end.
type host struct {
	testing.TB
	topology *topology
}

// Cleanup registers a function to call after the last test.
func (h *host) Cleanup(f func()) { h.topology.cleanup = append(h.topology.cleanup, f) }

// TempDir returns a directory that exists until the last test has ended.
func (h *host) TempDir() string {
	h.Helper()
	dir, err := os.MkdirTemp("", "redistest")
	if err != nil {
		h.Fatalf("redistest: %v", err)
	}
	h.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Failed returns false, because the test may have ended and must not be logged to.
func (h *host) Failed() bool { return false }
