package record_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

// storage is the least a fiber.Storage can do, with its contract: empty values
// are ignored, zero lives for ever.
type storage struct{ memory *record.Memory }

func (s storage) Get(key string) ([]byte, error) { return s.memory.Get(context.Background(), key) }

func (s storage) Set(key string, value []byte, ttl time.Duration) error {
	if len(value) == 0 {
		return nil
	}
	return s.memory.Set(context.Background(), key, value, ttl)
}

func (s storage) Delete(key string) error { return s.memory.Delete(context.Background(), key) }

// backends are all there are; the contract of Backend holds for each.
func backends(t *testing.T) map[string]record.Backend {
	t.Helper()
	return map[string]record.Backend{
		"memory": record.NewMemory(),
		"plain":  record.NewPlain(storage{record.NewMemory()}),
		"redis":  record.NewRedis(redistest.Start(t).Client(), nil),
	}
}

func TestBackend_Contract(t *testing.T) {
	t.Parallel()
	for name, b := range backends(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			is := func(key, want string) {
				t.Helper()
				got, err := b.Get(ctx, key)
				must(err)
				if string(got) != want {
					t.Errorf("%s = %q, want %q", key, got, want)
				}
			}
			is("{x}:absent", "")
			updated, err := b.Update(ctx, "{x}:absent", []byte("v"), time.Minute)
			must(err)
			if updated {
				t.Error("updated what is not there")
			}
			is("{x}:absent", "")
			must(b.Touch(ctx, time.Minute, "{x}:absent"))
			must(b.Delete(ctx, "{x}:absent", "{x}:too"))

			must(b.Set(ctx, "{x}:a", []byte("1"), time.Minute))
			is("{x}:a", "1")
			if updated, err = b.Update(ctx, "{x}:a", []byte("2"), time.Minute); err != nil || !updated {
				t.Errorf("update: %v, %v", updated, err)
			}
			is("{x}:a", "2")
			must(b.Set(ctx, "{x}:b", []byte("3"), time.Minute))
			must(b.Touch(ctx, time.Hour, "{x}:a", "{x}:b"))
			must(b.Delete(ctx, "{x}:a", "{x}:b"))
			is("{x}:a", "")
			is("{x}:b", "")

			for _, row := range []struct {
				claimant string
				want     bool
			}{{"one", true}, {"two", false}, {"one", true}} {
				if got, err := b.Claim(ctx, "{x}:c", row.claimant, time.Minute); err != nil || got != row.want {
					t.Errorf("claim by %s: %v, %v", row.claimant, got, err)
				}
			}
		})
	}
}

func TestG7_AClaimRepeatedAfterALostReplyIsStillOurs(t *testing.T) {
	t.Parallel()
	for name, b := range backends(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 3 { // the first reply was lost, go-redis asks again
				if ok, err := b.Claim(t.Context(), "c", "mine", time.Minute); err != nil || !ok {
					t.Errorf("%v, %v", ok, err)
				}
			}
		})
	}
}

func TestBackend_SwapNeedsTheVersionItWasMadeFrom(t *testing.T) {
	t.Parallel()
	for name, b := range backends(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			swap := func(old, value string, want bool) {
				t.Helper()
				if got, err := b.Swap(ctx, "{x}:a", []byte(old), []byte(value), time.Hour); err != nil || got != want {
					t.Errorf("%q to %q: %v, %v", old, value, got, err)
				}
			}
			swap("", "1", false)
			swap("0", "1", false)
			if v, _ := b.Get(ctx, "{x}:a"); v != nil {
				t.Error("a swap made what was not there")
			}
			_ = b.Set(ctx, "{x}:a", []byte("1"), time.Hour)
			swap("0", "2", false)
			swap("1", "2", true)
			swap("1", "3", false)
			var won atomic.Int32
			var wait sync.WaitGroup
			for i := range 32 {
				wait.Go(func() {
					if ok, err := b.Swap(ctx, "{x}:a", []byte("2"), []byte(strings.Repeat("x", i+3)), time.Hour); err == nil && ok {
						won.Add(1)
					}
				})
			}
			wait.Wait()
			if won.Load() != 1 {
				t.Errorf("%d winners", won.Load())
			}
		})
	}
}

func TestBackend_LockIsForOne(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	all := backends(t)
	for name, pair := range map[string][2]record.Backend{
		"memory": {all["memory"], all["memory"]},
		"plain":  {all["plain"], all["plain"]},
		"redis":  {record.NewRedis(server.Client(), nil), record.NewRedis(server.Client(), nil)}, // as two processes
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var inside, most, turns atomic.Int32
			var wait sync.WaitGroup
			for i := range 16 {
				wait.Go(func() {
					release, err := pair[i%2].Lock(t.Context(), "l")
					if err != nil {
						t.Error(err)
						return
					}
					most.Store(max(most.Load(), inside.Add(1)))
					turns.Add(1)
					inside.Add(-1)
					release()
					release() // harmless
				})
			}
			wait.Wait()
			if most.Load() != 1 || turns.Load() != 16 {
				t.Errorf("%d at once, %d turns", most.Load(), turns.Load())
			}

			release, err := pair[0].Lock(t.Context(), "l")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, err := pair[1].Lock(ctx, "l"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("waited on: %v", err)
			}
			if other, err := pair[1].Lock(t.Context(), "another"); err != nil {
				t.Errorf("another name: %v", err)
			} else {
				other()
			}
			release()
		})
	}
}

func TestG12_LockIsRenewedWhileItIsHeld(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	one, two := record.NewRedis(server.Client(), nil), record.NewRedis(server.Client(), nil)
	release, err := one.Lock(t.Context(), "l")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second) // longer than its life
	defer cancel()
	if _, err := two.Lock(ctx, "l"); err == nil {
		t.Error("the lock was lost while its holder was at work")
	}
	release()
	again, err := two.Lock(t.Context(), "l")
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestG13_WithoutRedisTheLockHoldsInThisProcess(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b := record.NewRedis(server.Client(), nil)
	server.Stop()
	release, err := b.Lock(t.Context(), "l")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.Lock(ctx, "l"); err == nil {
		t.Error("two hold it")
	}
	release()
}

func TestBackend_TouchProlongs(t *testing.T) {
	t.Parallel()
	for name, b := range backends(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, key := range []string{"{x}:a", "{x}:b"} {
				if err := b.Set(t.Context(), key, []byte("v"), time.Second); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Touch(t.Context(), time.Hour, "{x}:a", "{x}:b"); err != nil {
				t.Fatal(err)
			}
			<-time.After(1100 * time.Millisecond) // Redis does not live in virtual time
			for _, key := range []string{"{x}:a", "{x}:b"} {
				if v, err := b.Get(t.Context(), key); err != nil || string(v) != "v" {
					t.Errorf("%s: %q, %v", key, v, err)
				}
			}
		})
	}
}

func TestBackend_OneOfManyClaimantsWins(t *testing.T) {
	t.Parallel()
	for name, b := range backends(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var won atomic.Int32
			var wait sync.WaitGroup
			for i := range 32 {
				wait.Go(func() {
					if ok, err := b.Claim(t.Context(), "c", strings.Repeat("x", i+1), time.Minute); err == nil && ok {
						won.Add(1)
					}
				})
			}
			wait.Wait()
			if won.Load() != 1 {
				t.Errorf("%d winners", won.Load())
			}
		})
	}
}

func TestMemory_ForgetsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := record.NewMemory()
		ctx := t.Context()
		_ = m.Set(ctx, "a", []byte("1"), time.Minute)
		time.Sleep(30 * time.Second)
		if ok, _ := m.Update(ctx, "a", []byte("2"), time.Hour); !ok {
			t.Error("gone too early")
		}
		time.Sleep(31 * time.Second)
		if v, _ := m.Get(ctx, "a"); v != nil {
			t.Error("an update prolonged the life")
		}
		for range 3000 { // what nobody reads is swept all the same
			_ = m.Set(ctx, time.Now().String(), []byte("x"), time.Second)
			time.Sleep(time.Second)
		}
		if n := m.Len(); n > 1100 {
			t.Errorf("%d entries, most of them dead", n)
		}
	})
}

func TestRedis_UpdateKeepsTheLife(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b := record.NewRedis(server.Client(), nil)
	ctx := t.Context()
	if err := b.Set(ctx, "a", []byte("1"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Update(ctx, "a", []byte("2"), time.Minute); err != nil {
		t.Fatal(err)
	}
	if ttl := server.Client().PTTL(ctx, "a").Val(); ttl < 59*time.Minute {
		t.Errorf("lives for %v", ttl)
	}
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
	if err := s.Update(ctx, "n", record.Session, []byte("x"), time.Minute); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("update of an absent one: %v", err)
	}
	for _, kind := range []record.Kind{record.Session, record.Tokens} {
		if err := s.Put(ctx, "n", kind, []byte(kind), time.Minute); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(ctx, "n", kind); err != nil || string(got) != string(kind) {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := record.NewStore(memory, ring, "another").Get(ctx, "n", record.Session); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("another app: %v", err)
	}
	for name, end := range map[string]func() error{
		"empty content": func() error { return s.Put(ctx, "n", record.Session, nil, time.Minute) },
		"no life":       func() error { return s.Put(ctx, "n", record.Tokens, []byte("x"), 0) },
	} {
		if err := end(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := memory.Len(); n != 0 {
		t.Errorf("%d records left", n)
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("A", 43)
	if name, ok := record.Name(good); !ok || name == good || len(name) != 43 {
		t.Errorf("%q, %v", name, ok)
	}
	for _, id := range []string{"", "A", strings.Repeat("A", 42), strings.Repeat("A", 44), strings.Repeat("A", 42) + "B", strings.Repeat("A", 42) + "\n", strings.Repeat("+", 43)} {
		if _, ok := record.Name(id); ok {
			t.Errorf("%q is an id", id)
		}
	}
}
