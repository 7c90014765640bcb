package turn

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// measured runs operations that wait, and counts how many of them wait at the same time.
func measured(t *testing.T, q *Queue, works int, wait time.Duration) (most int, took time.Duration) {
	t.Helper()
	var now, top atomic.Int32
	var all sync.WaitGroup
	began := time.Now()
	for range works {
		all.Go(func() {
			_, done, err := q.Take(t.Context(), time.Minute)
			if err != nil {
				t.Error(err)
				return
			}
			defer done()
			for n := now.Add(1); ; {
				old := top.Load()
				if n <= old || top.CompareAndSwap(old, n) {
					break
				}
			}
			time.Sleep(wait)
			now.Add(-1)
		})
	}
	all.Wait()
	return int(top.Load()), time.Since(began)
}

func TestQueue_ABurstDoesNotRunAtOnce(t *testing.T) {
	for name, row := range map[string]struct {
		busy     bool
		works    int
		wait     time.Duration // of each
		atOnce   int           // at most
		lessThan time.Duration // altogether
	}{
		"short works":                            {false, 1000, 5 * time.Millisecond, 6, 2 * time.Second},
		"that others answer slowly":              {false, 1000, 3 * time.Second, 1000, 5 * time.Second},
		"on a busy processor":                    {true, 150, 200 * time.Millisecond, 6, 6 * time.Second},
		"slow answers on a busy processor":       {true, 150, 3 * time.Second, 100, 11 * time.Second},
		"an outage that lasts, and is not ours":  {false, 300, 10 * time.Second, 300, 12 * time.Second},
		"an outage that lasts, while it is busy": {true, 300, 10 * time.Second, 260, 24 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &Queue{places: make(chan struct{}, 6), busy: func() bool { return row.busy }}
				atOnce, took := measured(t, q, row.works, row.wait)
				if atOnce > row.atOnce || took > row.lessThan {
					t.Errorf("%d at once, %v", atOnce, took)
				}
				if len(q.places) != 0 {
					t.Errorf("%d places are lost", len(q.places))
				}
			})
		})
	}
}

func TestAgain_ReturnsToTheEndOfTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &Queue{places: make(chan struct{}, 1), busy: func() bool { return false }}
		work, done, err := q.Take(t.Context(), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		Again(work) // it has its turn still
		time.Sleep(time.Second)
		_, others, err := q.Take(t.Context(), time.Second)
		if err != nil {
			t.Fatalf("the turn was not passed on: %v", err)
		}
		began := time.Now()
		Again(work)
		if waited := time.Since(began); waited == 0 || waited > lease {
			t.Errorf("waited for %v, the other one's lease is %v", waited, lease)
		}
		others()
		if len(q.places) != 1 {
			t.Errorf("%d places taken", len(q.places))
		}
		done()
		done()
		if len(q.places) != 0 {
			t.Errorf("%d places taken after the end", len(q.places))
		}
		Again(t.Context()) // of no work
	})
}

func TestTake_PatienceAndContextEndTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &Queue{places: make(chan struct{}, 1), busy: func() bool { return true }}
		_, done, err := q.Take(t.Context(), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		if _, _, err := q.Take(t.Context(), longest/2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		left, leave := context.WithCancel(t.Context())
		leave()
		if _, _, err := q.Take(left, time.Second); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}
