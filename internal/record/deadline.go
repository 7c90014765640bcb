package record

import (
	"context"
	"sync/atomic"
	"time"
)

// deadlineGrain is how much sooner than its patience wants an operation may be given up.
const deadlineGrain = 20 * time.Millisecond

// deadlines bounds operations. Those that begin at about the same time share one timer:
// one for each would cost more than all else that a request does here.
type deadlines struct {
	patience time.Duration // 0 is without end
	latest   atomic.Pointer[deadline]
}

// deadline is shared by the operations that began in one grain of time.
type deadline struct {
	opened time.Time
	at     time.Time
	passed chan struct{}
}

func nothing() {}

// bounded is a context for one operation, after which the caller calls done.
func (d *deadlines) bounded(ctx context.Context) (bounded context.Context, done context.CancelFunc) {
	if _, is := ctx.(due); is || d.patience == 0 {
		return ctx, nothing
	}
	shared := d.current(time.Now())
	if ctx.Done() != nil { // it may end before, which the shared channel cannot tell
		return context.WithDeadline(ctx, shared.at)
	}
	return due{ctx, shared}, nothing
}

func (d *deadlines) current(now time.Time) *deadline {
	latest := d.latest.Load()
	if latest != nil && now.Sub(latest.opened) < deadlineGrain && !now.Before(latest.opened) {
		return latest
	}
	next := &deadline{opened: now, at: now.Add(d.patience), passed: make(chan struct{})}
	if !d.latest.CompareAndSwap(latest, next) {
		return d.latest.Load()
	}
	time.AfterFunc(d.patience, func() { close(next.passed) })
	return next
}

// due is a context with a shared deadline.
type due struct {
	context.Context
	deadline *deadline
}

// Deadline implements [context.Context].
func (d due) Deadline() (time.Time, bool) { return d.deadline.at, true }

// Done implements [context.Context].
func (d due) Done() <-chan struct{} { return d.deadline.passed }

// Err implements [context.Context].
func (d due) Err() error {
	select {
	case <-d.deadline.passed:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
