package retryqueue_test

import (
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/internal/background"
	"github.com/fibermsal/fibermsal/internal/retryqueue"
)

// retrying is a queue whose items succeed once the storage is back.
type retrying struct {
	*retryqueue.Queue[int]
	group     *background.Group
	back      atomic.Bool
	rounds    []time.Duration // since the beginning
	abandoned int
}

func newRetrying(limit int) *retrying {
	r, began := new(retrying), time.Now()
	r.group = background.New(slog.New(slog.DiscardHandler))
	r.Queue = retryqueue.New[int](r.group, retryqueue.Options{
		What: "testing", Max: limit, First: time.Second, Most: 4 * time.Second,
		Round: func(keys []string) {
			r.rounds = append(r.rounds, time.Since(began))
			for _, key := range keys {
				if r.back.Load() {
					r.Remove(key)
				}
			}
		},
		Abandon: func(left int) { r.abandoned = left },
	})
	return r
}

func (r *retrying) close() { r.group.Close(time.Minute, time.Second) }

func TestQueue_RetriesUntilTheStorageIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRetrying(10)
		defer r.close()
		r.Put("a", 1)
		r.Put("b", 2)
		time.Sleep(14 * time.Second)
		r.back.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []time.Duration{time.Second, 3 * time.Second, 7 * time.Second, 11 * time.Second, 15 * time.Second}
		if !slices.Equal(r.rounds, want) {
			t.Errorf("rounds at %v", r.rounds)
		}
		if r.Has("a") || r.Has("b") {
			t.Error("items are left")
		}
		r.back.Store(false)
		r.Put("c", 3)
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(r.rounds); n != 6 {
			t.Errorf("an empty queue does not begin again: %d rounds", n)
		}
	})
}

func TestQueue_CloseTriesOnceMoreAndReportsWhatIsLeft(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		back bool
		left int
	}{"the storage is back": {true, 0}, "the storage is down": {false, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRetrying(10)
				r.Put("a", 1)
				r.Put("b", 2)
				synctest.Wait()
				r.back.Store(row.back)
				r.close()
				if len(r.rounds) != 1 || r.rounds[0] != 0 || r.abandoned != row.left {
					t.Errorf("rounds at %v, %d abandoned", r.rounds, r.abandoned)
				}
			})
		})
	}
}

func TestQueue_IsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRetrying(2)
		defer r.close()
		if !r.Put("a", 1) || !r.Put("b", 2) || r.Put("c", 3) || !r.Put("a", 4) {
			t.Error("the queue takes another number of items than its bound")
		}
		if item, ok := r.Get("a"); !ok || item != 4 {
			t.Errorf("a is %d, %t", item, ok)
		}
		r.RemoveIf("a", func(item int) bool { return item == 1 })
		if !r.Has("a") {
			t.Error("an item was removed that had been replaced")
		}
	})
}

func TestQueue_APanicOfARoundEndsNeitherTheProcessNorTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		group, rounds := background.New(slog.New(slog.DiscardHandler)), 0
		var q *retryqueue.Queue[int]
		q = retryqueue.New[int](group, retryqueue.Options{
			What: "testing", Max: 1, First: time.Second, Most: time.Second,
			Round: func(keys []string) {
				if rounds++; rounds == 1 {
					panic("the app's storage")
				}
				q.Remove(keys[0])
			},
			Abandon: func(int) {},
		})
		q.Put("a", 1)
		time.Sleep(time.Minute)
		synctest.Wait()
		if rounds != 2 || q.Has("a") {
			t.Errorf("%d rounds", rounds)
		}
		group.Close(time.Minute, time.Second)
	})
}
