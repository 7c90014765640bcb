// Package turn keeps bursts of work from waiting for each other where it is measured.
//
// A hundred renewals at once are a hundred goroutines that want the processor. The answer
// of a storage that took a millisecond is seen when all others have had their time slice:
// after half a second on a busy machine, when it is taken for an outage. So work waits for
// a turn before it begins, where nothing is measured.
package turn

import (
	"context"
	"runtime"
	"sync"
	"time"
)

const (
	// perProcessor is how many turns there are for each processor: more than one, since
	// every work also waits for others' answers.
	perProcessor = 3
	// lease is how long a work keeps its turn. One that takes longer waits for somebody
	// else, such as an Entra that takes seconds, and needs no processor for that. With two
	// processors, 400 works a second can begin however long they wait.
	lease = 10 * time.Millisecond
	// longest is how long it keeps the turn if that is not so: if the processor is busy.
	longest = 250 * time.Millisecond
	// lag is how late a goroutine that could run at once does on a busy processor.
	lag = 5 * time.Millisecond
)

// Queue gives turns, in the order in which they are asked for. It is safe for concurrent
// use.
type Queue struct {
	places chan struct{}
	busy   func() bool
}

// NewQueue makes a Queue for the processors of this process.
func NewQueue() *Queue {
	return &Queue{places: make(chan struct{}, perProcessor*runtime.GOMAXPROCS(0)), busy: busy}
}

// busy reports whether goroutines wait for a processor, by being the last of them.
func busy() bool {
	began := time.Now()
	runtime.Gosched()
	return time.Since(began) > lag
}

// Take waits for a turn, as long as patience lasts. It ends with done; the context of the
// work is for [Again].
func (q *Queue) Take(ctx context.Context, patience time.Duration) (work context.Context, done func(), err error) {
	t := &turn{queue: q, over: true}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := t.begin(waiting); err != nil {
		return nil, nil, err
	}
	return context.WithValue(ctx, key{}, t), t.end, nil
}

// key is that of a turn in the context of its work.
type key struct{}

// Again waits for another turn, after an answer that took so long that the work's own was
// passed on: others have waited for theirs, too. At the end of the context the work goes on
// without.
func Again(work context.Context) {
	if t, ok := work.Value(key{}).(*turn); ok {
		_ = t.begin(work)
	}
}

// turn is held by one work, or by none any more.
type turn struct {
	queue *Queue

	mu    sync.Mutex // guards what follows
	began time.Time
	timer *time.Timer
	over  bool
}

func (t *turn) held() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.over
}

// begin waits for a place, unless the turn has one.
func (t *turn) begin(ctx context.Context) error {
	if t.held() {
		return nil
	}
	select {
	case t.queue.places <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.began, t.over = time.Now(), false
	t.timer = time.AfterFunc(lease, t.expire)
	return nil
}

func (t *turn) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	t.over = true
	t.timer.Stop()
	<-t.queue.places
}

// expire passes the turn on while its work goes on.
func (t *turn) expire() {
	busy := t.queue.busy()
	t.mu.Lock()
	keep := busy && !t.over && time.Since(t.began) < longest
	if keep {
		t.timer.Reset(lease)
	}
	t.mu.Unlock()
	if !keep {
		t.end()
	}
}
