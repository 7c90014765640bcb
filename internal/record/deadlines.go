package record

import (
	"context"
	"sync/atomic"
	"time"
)

// deadlineGrain is how much earlier than its time limit an operation may be aborted.
const deadlineGrain = 20 * time.Millisecond

// deadlines limits the duration of operations. Operations that begin at about the same time share one
// timer, because a timer for each operation would cost more than all other work of this package for a
// request.
type deadlines struct {
	limit  time.Duration // 0 means no limit
	latest atomic.Pointer[deadline]
}

// deadline is shared by the operations that began within one grain of time.
type deadline struct {
	openedAt time.Time
	at       time.Time
	passed   chan struct{}
}

func noop() {}

// bound returns a context for one operation. The caller must call cancel afterwards.
func (d *deadlines) bound(ctx context.Context) (bounded context.Context, cancel context.CancelFunc) {
	if _, ok := ctx.(deadlineContext); ok || d.limit == 0 {
		return ctx, noop
	}
	shared := d.current(time.Now())
	if ctx.Done() != nil { // it may end earlier, which the shared channel cannot signal
		return context.WithDeadline(ctx, shared.at)
	}
	return deadlineContext{ctx, shared}, noop
}

func (d *deadlines) current(now time.Time) *deadline {
	latest := d.latest.Load()
	if latest != nil && now.Sub(latest.openedAt) < deadlineGrain && !now.Before(latest.openedAt) {
		return latest
	}
	next := &deadline{openedAt: now, at: now.Add(d.limit), passed: make(chan struct{})}
	if !d.latest.CompareAndSwap(latest, next) {
		return d.latest.Load()
	}
	time.AfterFunc(d.limit, func() { close(next.passed) })
	return next
}

// deadlineContext is a context with a shared deadline.
type deadlineContext struct {
	context.Context
	deadline *deadline
}

// Deadline implements [context.Context].
func (c deadlineContext) Deadline() (time.Time, bool) { return c.deadline.at, true }

// Done implements [context.Context].
func (c deadlineContext) Done() <-chan struct{} { return c.deadline.passed }

// Err implements [context.Context].
func (c deadlineContext) Err() error {
	select {
	case <-c.deadline.passed:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
