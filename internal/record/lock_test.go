package record_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

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
