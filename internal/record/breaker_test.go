package record_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
)

// remote is a storage with slow replies that can be down.
type remote struct {
	*record.Memory
	takes time.Duration
	down  bool
	calls atomic.Int32
}

func (d *remote) Get(ctx context.Context, key string) ([]byte, error) {
	d.calls.Add(1)
	time.Sleep(d.takes)
	if d.down {
		return nil, errDead
	}
	return d.Memory.Get(ctx, key)
}

// The simultaneous requests of a page, long after an outage, when the instance has not used the storage
// since. They wait for the request that probes the storage (threat G2).
func TestGuarded_RequestsAtOnceAfterAnOutageSucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &remote{Memory: record.NewMemory(), takes: 3 * time.Millisecond, down: true}
		g := record.NewGuarded(d, nil, func(bool) {})
		for range 10 {
			_, _ = g.Get(t.Context(), "a")
		}
		d.down = false
		time.Sleep(8 * time.Minute)
		for i, err := range atOnce(t, g, 20) {
			if err != nil {
				t.Errorf("request %d: %v", i, err)
			}
		}
	})
}

// While the storage is still down, each request waits for a probe at most once, and does not wait for a
// stalled one.
func TestGuarded_RequestsDoNotWaitForProbesThatFail(t *testing.T) {
	for name, takes := range map[string]time.Duration{"refuses": time.Millisecond, "stalls": time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &remote{Memory: record.NewMemory(), takes: takes, down: true}
				g := record.NewGuarded(d, nil, func(bool) {})
				for range 10 {
					_, _ = g.Get(t.Context(), "a")
				}
				time.Sleep(8 * time.Minute)
				d.calls.Store(0)
				began := time.Now()
				down := 0
				for _, err := range atOnce(t, g, 20) {
					if errors.Is(err, record.ErrDown) {
						down++
					}
				}
				if down != 19 || d.calls.Load() != 1 || time.Since(began) > max(takes, 110*time.Millisecond) {
					t.Errorf("%d of 20 were refused, %d calls, within %v", down, d.calls.Load(), time.Since(began))
				}
			})
		})
	}
}

// atOnce reads a key in many goroutines.
func atOnce(t *testing.T, g *record.Guarded, n int) []error {
	t.Helper()
	results := make(chan error, n)
	for range n {
		go func() {
			_, err := g.Get(t.Context(), "a")
			results <- err
		}()
	}
	var errs []error
	for range n {
		errs = append(errs, <-results)
	}
	return errs
}
