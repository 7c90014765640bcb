// Package turn limits how many works of a burst run at once, so that waiting for a processor is
// not mistaken for a slow storage.
//
// A hundred renewals at once are a hundred goroutines that compete for the processors. A storage
// may answer within a millisecond, but the goroutine that waits for it runs only after all others
// have had their time slice. On a busy machine that is half a second later, and looks like an
// outage. Works therefore wait for a turn before they begin, while no timeout is running.
package turn

import (
	"context"
	"runtime"
	"sync"
	"time"
)

const (
	// perProcessor is the number of turns for each processor. It is more than one, because
	// every work also waits for answers of others.
	perProcessor = 3
	// lease is how long a work keeps its turn. A work that takes longer waits for an answer,
	// such as one of Entra that takes seconds, and needs no processor for that. With two
	// processors, 400 works a second can begin however long they wait.
	lease = 10 * time.Millisecond
	// longest is how long a work keeps its turn if the processors are busy.
	longest = 250 * time.Millisecond
	// lag is the delay of a runnable goroutine from which on the processors are busy.
	lag = 5 * time.Millisecond
)

// Queue gives turns in the order of the calls of Take. It is safe for concurrent use.
type Queue struct {
	places chan struct{}
	busy   func() bool
}

// NewQueue makes a Queue for the processors of this process.
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

// Take waits for a turn, but no longer than patience. Calling done ends the turn. The context
// work is that of the work, which [Again] needs.
func (q *Queue) Take(ctx context.Context, patience time.Duration) (work context.Context, done func(), err error) {
	t := &turn{queue: q}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := t.begin(waiting); err != nil {
		return nil, nil, err
	}
	return context.WithValue(ctx, key{}, t), t.end, nil
}

// key is the key of a turn in the context of its work.
type key struct{}

// Again waits for another turn, if the answer that the work has waited for took so long that
// its turn has ended. If the context ends first, the work continues without a turn.
func Again(work context.Context) {
	if t, ok := work.Value(key{}).(*turn); ok {
		_ = t.begin(work)
	}
}

// turn belongs to one work, which holds a place of the queue or does not.
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

// expire ends the turn while its work continues, unless the processors are busy.
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
