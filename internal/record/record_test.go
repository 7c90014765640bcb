package record_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/internal/filestore"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
	"github.com/fibermsal/fibermsal/internal/sealed"
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

func TestBackend_LockIsExclusive(t *testing.T) {
	for name, start := range each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, two := start(t)
			writeUnderLock(t, one, two)
			name := tag(t) + ":l"
			release, err := one.Lock(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, err := two.Lock(ctx, name); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a waiting caller whose context ended: %v", err)
			}
			other, err := two.Lock(t.Context(), tag(t)+":another")
			if err != nil {
				t.Fatalf("another name: %v", err)
			}
			other()
			release()
			release() // harmless
		})
	}
}

// writeUnderLock has callers on two instances change one key under one lock.
func writeUnderLock(t *testing.T, one, two record.Backend) {
	t.Helper()
	var inside atomic.Int32
	var wait sync.WaitGroup
	callers := slices.Repeat([]record.Backend{one, two}, 8)
	for _, b := range callers {
		wait.Go(func() {
			release, err := b.Lock(t.Context(), tag(t)+":l")
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			if inside.Add(1) != 1 {
				t.Error("two callers hold the lock")
			}
			value, err := b.Get(t.Context(), tag(t))
			if err == nil {
				err = b.Set(t.Context(), tag(t), append(value, '.'), time.Minute)
			}
			if err != nil {
				t.Errorf("under the lock: %v", err)
			}
			inside.Add(-1)
		})
	}
	wait.Wait()
	steps{t, one}.is(tag(t), strings.Repeat(".", len(callers)))
}

func TestG12_LockIsRenewedWhileItIsHeld(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			client, two := r.Patient(), record.NewRedis(r.Patient(), nil)
			release, err := record.NewRedis(client, nil).Lock(t.Context(), tag(t))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // of its TTL of five
			defer cancel()
			if _, err := two.Lock(ctx, tag(t)); err == nil {
				t.Error("the lock was lost while it was held")
			}
			if ttl := client.PTTL(t.Context(), tag(t)).Val(); ttl < 4*time.Second {
				t.Errorf("TTL %v: not renewed", ttl)
			}
			release()
			again, err := two.Lock(t.Context(), tag(t))
			if err != nil {
				t.Fatal(err)
			}
			again()
		})
	}
}

func TestG13_WithoutRedisTheLockHoldsInThisProcess(t *testing.T) {
	for name, start := range redistest.EachAlone(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			b := record.NewRedis(r.Connect(), nil)
			r.Stop()
			release, err := b.Lock(t.Context(), "l")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := b.Lock(ctx, "l"); err == nil {
				t.Error("two callers hold it")
			}
			release()
		})
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

func TestStore_RecordsOfAName(t *testing.T) {
	t.Parallel()
	ring, err := sealed.NewRing([][]byte{bytes.Repeat([]byte{1, 2}, 16)}, "test")
	if err != nil {
		t.Fatal(err)
	}
	memory := record.NewMemory()
	s, ctx := record.NewStore(memory, ring, "client"), t.Context()
	if _, err := s.Get(ctx, "n", record.Session); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("absent: %v", err)
	}
	if err := s.Swap(ctx, "n", record.Session, nil, []byte("x"), time.Minute); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("swap of an absent one: %v", err)
	}
	for _, kind := range []record.Kind{record.Session, record.Tokens} {
		if err := s.Put(ctx, "n", kind, []byte(kind), time.Minute); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(ctx, "n", kind); err != nil || string(got) != string(kind) {
			t.Errorf("%q, %v", got, err)
		}
	}
	current, err := s.Sealed(ctx, "n", record.Session)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []error{nil, record.ErrChanged} {
		if err := s.Swap(ctx, "n", record.Session, current, []byte("x"), time.Minute); !errors.Is(err, want) {
			t.Errorf("swap: %v, want %v", err, want)
		}
	}
	if _, err := record.NewStore(memory, ring, "another").Get(ctx, "n", record.Session); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("another app: %v", err)
	}
	for name, end := range map[string]func() error{
		"empty content": func() error { return s.Put(ctx, "n", record.Session, nil, time.Minute) },
		"no TTL":        func() error { return s.Put(ctx, "n", record.Tokens, []byte("x"), 0) },
	} {
		if err := end(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := memory.Len(); n != 0 {
		t.Errorf("%d records left", n)
	}
}

func TestSessionID(t *testing.T) {
	t.Parallel()
	token := strings.Repeat("A", 43)
	if id, ok := record.SessionID(token); !ok || id == token || len(id) != 43 {
		t.Errorf("%q, %v", id, ok)
	}
	for _, token := range []string{"", "A", strings.Repeat("A", 42), strings.Repeat("A", 44), strings.Repeat("A", 42) + "B", strings.Repeat("A", 42) + "\n", strings.Repeat("+", 43)} {
		if _, ok := record.SessionID(token); ok {
			t.Errorf("%q is accepted as a token", token)
		}
	}
}
