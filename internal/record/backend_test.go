package record_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/internal/filestore"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// storage is a fiber.Storage that does only what its contract requires. It ignores empty values, and a
// TTL of zero means no expiry.
type storage struct{ memory *record.Memory }

func (s storage) Get(key string) ([]byte, error) { return s.memory.Get(context.Background(), key) }

func (s storage) Set(key string, value []byte, ttl time.Duration) error {
	if len(value) == 0 {
		return nil
	}
	return s.memory.Set(context.Background(), key, value, ttl)
}

func (s storage) Delete(key string) error { return s.memory.Delete(context.Background(), key) }

// each returns all backends by name, because the contract of Backend applies to each. A test gets
// two, as two instances have them; backends that instances cannot share are the same twice. It must
// be called first in a test, which it makes parallel.
func each(t *testing.T) map[string]func(*testing.T) (one, two record.Backend) {
	t.Helper()
	all := make(map[string]func(*testing.T) (one, two record.Backend))
	for name, start := range redistest.Each(t) {
		all[name] = func(t *testing.T) (one, two record.Backend) {
			t.Helper()
			r := start(t)
			return record.NewRedis(r.Patient(), nil), record.NewRedis(r.Patient(), nil)
		}
	}
	for name, b := range map[string]record.Backend{
		"memory":   record.NewMemory(),
		"plain":    record.NewPlain(storage{record.NewMemory()}),
		"embedded": embeddedBackend(t),
	} {
		all[name] = func(*testing.T) (one, two record.Backend) { return b, b }
	}
	return all
}

// embeddedBackend returns a backend in a new file.
func embeddedBackend(t *testing.T) record.Backend {
	t.Helper()
	s, err := filestore.Open(filepath.Join(t.TempDir(), "sessions.db"), filestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.Backend()
}

// tag returns the prefix of a test's keys, which no other test uses. It puts them into one slot.
func tag(t *testing.T) string {
	t.Helper()
	return "{" + t.Name() + "}"
}

// steps are calls that must not fail.
type steps struct {
	t *testing.T
	b record.Backend
}

func (s steps) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// is checks a value. An absent value is "".
func (s steps) is(key, want string) {
	s.t.Helper()
	got, err := s.b.Get(s.t.Context(), key)
	s.must(err)
	if string(got) != want || (want == "") != (got == nil) {
		s.t.Errorf("%s = %q, want %q", key, got, want)
	}
}

func (s steps) set(key, value string) {
	s.t.Helper()
	s.must(s.b.Set(s.t.Context(), key, []byte(value), time.Minute))
}

func (s steps) swaps(key, old, value string, want bool) {
	s.t.Helper()
	got, err := s.b.Swap(s.t.Context(), key, []byte(old), []byte(value), time.Minute)
	s.must(err)
	if got != want {
		s.t.Errorf("swap of %s from %q to %q: %v", key, old, value, got)
	}
}

func (s steps) claims(key, claimant string, want bool) {
	s.t.Helper()
	got, err := s.b.Claim(s.t.Context(), key, claimant, time.Minute)
	s.must(err)
	if got != want {
		s.t.Errorf("claim of %s by %s: %v", key, claimant, got)
	}
}

func TestBackend_Contract(t *testing.T) {
	for name, start := range each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, two := start(t)
			for i := range 12 { // names on all masters of a Cluster
				contract(t, one, two, fmt.Sprint(tag(t), i))
			}
		})
	}
}

// contract checks each method on keys in one slot, alternating between two instances.
func contract(t *testing.T, one, two record.Backend, tag string) {
	t.Helper()
	absent, first, second, ctx := tag+":absent", tag+":s", tag+":t", t.Context()
	here, there := steps{t, one}, steps{t, two}

	here.is(absent, "")
	here.swaps(absent, "", "v", false)
	here.must(one.Touch(ctx, time.Minute, absent))
	here.must(one.Delete(ctx, absent, tag+":absent as well"))
	there.is(absent, "")

	here.set(first, "1")
	here.set(second, "2")
	there.is(first, "1")
	there.swaps(first, "1", "3", true)
	here.swaps(first, "1", "4", false)
	here.is(first, "3")
	there.is(second, "2")

	there.must(two.Delete(ctx, first, second))
	here.is(first, "")
	here.is(second, "")
	here.swaps(first, "3", "back again", false) // what a sign-out deleted stays deleted
	here.is(first, "")

	here.claims(tag+":u", "one", true)
	there.claims(tag+":u", "two", false)
	here.claims(tag+":u", "one", true)

	release, err := one.Lock(ctx, tag+":l")
	here.must(err)
	release()
	there.is(tag+":l", "")
}

func TestG7_ClaimRepeatedAfterALostReplySucceeds(t *testing.T) {
	for name, start := range each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, _ := start(t)
			for range 3 { // go-redis retries after a lost reply
				steps{t, one}.claims(tag(t), "mine", true)
			}
		})
	}
}

func TestBackend_OneOfManySwapsWins(t *testing.T) {
	for name, start := range each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, two := start(t)
			steps{t, one}.set(tag(t), "1")
			winners(t, one, two, func(b record.Backend, mine string) (bool, error) {
				return b.Swap(t.Context(), tag(t), []byte("1"), []byte(mine), time.Hour)
			})
		})
	}
}

func TestBackend_OneOfManyClaimantsWins(t *testing.T) {
	for name, start := range each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, two := start(t)
			winners(t, one, two, func(b record.Backend, mine string) (bool, error) {
				return b.Claim(t.Context(), tag(t), mine, time.Minute)
			})
		})
	}
}

// winners has many callers on two instances try at the same time what only one can do.
func winners(t *testing.T, one, two record.Backend, try func(b record.Backend, mine string) (bool, error)) {
	t.Helper()
	var won atomic.Int32
	var wait sync.WaitGroup
	for i, b := range slices.Repeat([]record.Backend{one, two}, 16) {
		wait.Go(func() {
			ok, err := try(b, fmt.Sprint("claimant ", i))
			if err != nil {
				t.Error(err)
			}
			if ok {
				won.Add(1)
			}
		})
	}
	wait.Wait()
	if won.Load() != 1 {
		t.Errorf("%d winners", won.Load())
	}
}

func TestBackend_TouchExtendsTheTTL(t *testing.T) {
	for name, start := range each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, _ := start(t)
			keys := []string{tag(t) + ":s", tag(t) + ":t"}
			for _, key := range keys {
				if err := one.Set(t.Context(), key, []byte("v"), time.Second); err != nil {
					t.Fatal(err)
				}
			}
			if err := one.Touch(t.Context(), time.Hour, keys...); err != nil {
				t.Fatal(err)
			}
			<-time.After(1100 * time.Millisecond) // Redis has no virtual time
			for _, key := range keys {
				steps{t, one}.is(key, "v")
			}
		})
	}
}

func TestMemory_RemovesExpiredEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := record.NewMemory()
		ctx := t.Context()
		_ = m.Set(ctx, "a", []byte("1"), time.Minute)
		time.Sleep(30 * time.Second)
		if ok, _ := m.Swap(ctx, "a", []byte("1"), []byte("2"), time.Hour); !ok {
			t.Error("gone too early")
		}
		time.Sleep(31 * time.Second)
		if v, _ := m.Get(ctx, "a"); v != nil {
			t.Error("a swap extended the TTL")
		}
		for range 3000 { // entries that no caller reads are removed as well
			_ = m.Set(ctx, time.Now().String(), []byte("x"), time.Second)
			time.Sleep(time.Second)
		}
		if n := m.Len(); n > 1100 {
			t.Errorf("%d entries, most of them expired", n)
		}
	})
}
