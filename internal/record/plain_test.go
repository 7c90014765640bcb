package record_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
)

// eternal is a storage that ignores TTLs, like that of bbolt.
type eternal struct {
	mu     sync.Mutex
	values map[string][]byte
}

func newEternal() *eternal { return &eternal{values: make(map[string][]byte)} }

func (e *eternal) Get(key string) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.values[key], nil
}

func (e *eternal) Set(key string, value []byte, _ time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.values[strings.Clone(key)] = bytes.Clone(value)
	return nil
}

func (e *eternal) Delete(key string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.values, key)
	return nil
}

func TestD11_ValuesExpireInAStorageThatIgnoresTTLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, ctx := newEternal(), context.Background()
		one := record.NewPlain(e)
		s := steps{t, one}
		set := func() { // for a minute
			s.set("k", "1")
			time.Sleep(30 * time.Second)
		}
		ttl := func(want time.Duration) {
			t.Helper()
			if got, err := one.TTL(ctx, "k"); err != nil || got != want {
				t.Errorf("TTL %v, want %v: %v", got, want, err)
			}
		}
		set()
		s.is("k", "1")
		ttl(30 * time.Second)
		time.Sleep(30 * time.Second)
		s.is("k", "")
		ttl(0)
		if len(e.values) != 0 {
			t.Error("it is still in the storage")
		}

		set()
		s.swaps("k", "1", "2", true) // does not change the TTL
		ttl(30 * time.Second)
		time.Sleep(30 * time.Second)
		s.swaps("k", "2", "3", false)
		s.is("k", "")

		set()
		s.must(one.Touch(ctx, 2*time.Minute, "k"))
		time.Sleep(time.Minute)
		steps{t, record.NewPlain(e)}.is("k", "1") // in another process
		time.Sleep(time.Minute)
		s.must(one.Touch(ctx, time.Hour, "k")) // too late
		s.is("k", "")
	})
}

func TestPlain_ReadsValuesOfEarlierVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, ctx := newEternal(), context.Background()
		e.values["k"] = []byte{1, 2, 3}
		p := record.NewPlain(e)
		s := steps{t, p}
		s.is("k", "\x01\x02\x03")
		if ttl, err := p.TTL(ctx, "k"); ttl != 0 || err != nil {
			t.Errorf("TTL %v, %v", ttl, err)
		}
		s.swaps("k", "\x01\x02\x03", "\x01new", true) // for a minute
		time.Sleep(59 * time.Second)
		s.is("k", "\x01new")
		time.Sleep(time.Second)
		s.is("k", "")
		e.values["k"] = []byte{1, 2, 3}
		s.must(p.Touch(ctx, time.Minute, "k"))
		time.Sleep(time.Minute)
		s.is("k", "")
	})
}

// Instances of earlier versions must treat such a value as one of a later version, and must not change
// it.
func TestE5_EarlierVersionsLeaveNewerValuesAlone(t *testing.T) {
	t.Parallel()
	e := newEternal()
	s := newStore(t, record.NewPlain(e), 1)
	if err := s.Put(t.Context(), "n", record.Session, []byte("content"), time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, stored := range e.values {
		if _, err := s.Open("n", record.Session, stored); !errors.Is(err, record.ErrUnknownKey) {
			t.Errorf("%v", err)
		}
	}
}

func TestE11_DamagedExpiryIsCorrupt(t *testing.T) {
	t.Parallel()
	e := newEternal()
	s := newStore(t, record.NewPlain(e), 1)
	if err := s.Put(t.Context(), "n", record.Session, []byte("content"), time.Hour); err != nil {
		t.Fatal(err)
	}
	for key, stored := range e.values {
		for i := 1; i < 13; i++ {
			damaged := bytes.Clone(stored)
			damaged[i] ^= 1
			e.values[key] = damaged
			if _, err := s.Get(t.Context(), "n", record.Session); !errors.Is(err, record.ErrCorrupt) {
				t.Errorf("byte %d: %v", i, err)
			}
		}
		for _, size := range []int{1, 5, 13} {
			e.values[key] = stored[:size]
			if _, err := s.Get(t.Context(), "n", record.Session); !errors.Is(err, record.ErrCorrupt) {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
	}
}

// stalling is a storage of Fiber v3's kind that answers only when the context of a call ends.
type stalling struct{ *eternal }

func (stalling) GetWithContext(ctx context.Context, _ string) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (stalling) SetWithContext(ctx context.Context, _ string, _ []byte, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

func (stalling) DeleteWithContext(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestPlain_CallsOfAStorageThatTakesContextsEndWithTheirs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := record.NewPlain(stalling{newEternal()})
		for name, call := range map[string]func(context.Context) error{
			"get":    func(ctx context.Context) error { _, err := p.Get(ctx, "k"); return err },
			"set":    func(ctx context.Context) error { return p.Set(ctx, "k", []byte("v"), time.Minute) },
			"delete": func(ctx context.Context) error { return p.Delete(ctx, "k") },
			"touch":  func(ctx context.Context) error { return p.Touch(ctx, time.Minute, "k") },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began := time.Now()
			if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
				t.Errorf("%s: %v after %v", name, err, time.Since(began))
			}
			cancel()
		}
	})
}
