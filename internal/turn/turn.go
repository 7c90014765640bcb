// Package turn limits how many operations of a burst run at once, so that waiting for a processor is
// not mistaken for a slow storage.
//
// A hundred renewals at once are a hundred goroutines that compete for the processors. A storage may
// answer within a millisecond, but the goroutine that waits for it runs only after all others have had
// their time slice. On a busy machine that is half a second later, and looks like an outage. Operations
// therefore wait for a turn before they begin, while no timeout is running.
package turn

import (
	"context"
	"runtime"
	"sync"
	"time"
)

const (
	// perProcessor is the number of turns for each processor. It is more than one, because every
	// operation also waits for responses of other systems.
	perProcessor = 3
	// lease is how long an operation keeps its turn. An operation that takes longer is waiting for a
	// response, for example one of Entra that takes seconds, and needs no processor for that. With two
	// processors, 400 operations a second can begin, even if each of them waits for a long time.
	lease = 10 * time.Millisecond
	// longest is how long an operation keeps its turn if the processors are busy.
	longest = 250 * time.Millisecond
	// lag is the delay of a runnable goroutine above which the processors are considered busy.
	lag = 5 * time.Millisecond
)

// Queue gives turns in the order of the calls of Take. It is safe for concurrent use.
type Queue struct {
	places chan struct{}
	busy   func() bool
}

// NewQueue returns a Queue for the processors of this process.
func NewQueue() *Queue {
	return &Queue{places: make(chan struct{}, perProcessor*runtime.GOMAXPROCS(0)), busy: busy}
}

// busy reports whether goroutines wait for a processor, by yielding to them and measuring how
// long that takes.
func busy() bool {
	began := time.Now()
	runtime.Gosched()
	return time.Since(began) > lag
}

// Take waits for a turn, but no longer than patience. Calling done ends the turn. work is the context
// for the operation, which must be passed to [Again].
func (q *Queue) Take(ctx context.Context, patience time.Duration) (work context.Context, done func(), err error) {
	t := &turn{queue: q}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := t.begin(waiting); err != nil {
		return nil, nil, err
	}
	return context.WithValue(ctx, key{}, t), t.end, nil
}

// key is the key of a turn in the context of its operation.
type key struct{}

// Again waits for another turn if the operation has waited for a response for so long that its turn has
// ended. If the context ends first, the operation continues without a turn.
func Again(work context.Context) {
	if t, ok := work.Value(key{}).(*turn); ok {
		_ = t.begin(work)
	}
}

// turn is the turn of one operation. It may or may not hold a place in the queue.
type turn struct {
	queue *Queue

	mu    sync.Mutex // guards the following fields
	held  bool
	began time.Time
	timer *time.Timer
}

func (t *turn) isHeld() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.held
}

// begin waits for a place, unless the turn has one.
func (t *turn) begin(ctx context.Context) error {
	if t.isHeld() {
		return nil
	}
	select {
	case t.queue.places <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held, t.began = true, time.Now()
	t.timer = time.AfterFunc(lease, t.expire)
	return nil
}

func (t *turn) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.held {
		return
	}
	t.held = false
	t.timer.Stop()
	<-t.queue.places
}

// expire ends the turn while its operation continues, unless the processors are busy.
func (t *turn) expire() {
	busy := t.queue.busy()
	t.mu.Lock()
	keep := busy && t.held && time.Since(t.began) < longest
	if keep {
		t.timer.Reset(lease)
	}
	t.mu.Unlock()
	if !keep {
		t.end()
	}
}
