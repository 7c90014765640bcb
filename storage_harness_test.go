package fibermsal_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal"
)

// ledger is a fiber.Storage that records its calls and fails on demand. It has no goroutines.
type ledger struct {
	mu      sync.Mutex
	values  map[string][]byte
	lives   map[string]time.Duration
	gets    int
	sets    int
	failing bool
	failSet bool
	failDel bool
	panics  bool // rather than fails
}

var errStorage = errors.New("storage is down: redis://app:storage-password@10.0.0.1:6379")

func newLedger() *ledger {
	return &ledger{values: map[string][]byte{}, lives: map[string]time.Duration{}}
}

func (l *ledger) failure() error {
	if l.panics {
		panic(errStorage)
	}
	return errStorage
}

func (l *ledger) Get(key string) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gets++
	if l.failing {
		return nil, l.failure()
	}
	return l.values[key], nil
}

func (l *ledger) Set(key string, value []byte, life time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sets++
	if l.failing || l.failSet {
		return l.failure()
	}
	l.values[strings.Clone(key)], l.lives[strings.Clone(key)] = slices.Clone(value), life
	return nil
}

func (l *ledger) Delete(key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failing || l.failDel {
		return l.failure()
	}
	delete(l.values, key)
	return nil
}

func (l *ledger) Reset() error { return errors.New("nobody may reset a shared storage") }

func (l *ledger) Close() error { return nil }

func (l *ledger) keys() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.values))
}

// key returns the only key of a kind: "s" for a session, "t" for its tokens.
func (l *ledger) key(kind string) string {
	for _, k := range l.keys() {
		if strings.HasSuffix(k, ":"+kind) {
			return k
		}
	}
	return ""
}

func (l *ledger) change(f func(values map[string][]byte)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l.values)
}

func (l *ledger) count() (gets, sets int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gets, l.sets
}

func (l *ledger) fail(all, writes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing, l.failSet = all, writes
}

// onLedger stores sessions in a ledger, sealed with a fixed key.
func onLedger(l *ledger) func(*fibermsal.Config) {
	return func(cfg *fibermsal.Config) {
		cfg.Storage, cfg.Keys = l, [][]byte{testKey(1)}
	}
}

// testKey returns a key that is not random, but different for each number.
func testKey(n byte) []byte {
	key := make([]byte, 32)
	for i := range key {
		key[i] = n + byte(i)
	}
	return key
}

func (l *ledger) failDeletes(fail bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failDel = fail
}
