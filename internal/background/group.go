// Package background runs work that no request waits for, and that Close must wait for.
package background

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/internal/flight"
)

// Group counts running work. It is safe for concurrent use. It is not a sync.WaitGroup, because
// that must not be increased from zero while Wait is running.
type Group struct {
	log     *slog.Logger
	ctx     context.Context // of the work; it ends while Close waits
	cancel  context.CancelFunc
	closing chan struct{} // closed when Close begins

	mu      sync.Mutex
	running int
	closed  bool
	drained chan struct{}
}

// New makes an empty Group.
func New(log *slog.Logger) *Group {
	g := &Group{log: log, closing: make(chan struct{}), drained: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

// Begin counts one more piece of work, which [Group.Done] ends. It reports false after Close.
func (g *Group) Begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.running++
	return true
}

// Done ends what Begin counted.
func (g *Group) Done() {
	g.mu.Lock()
	g.running--
	last := g.closed && g.running == 0
	g.mu.Unlock()
	if last {
		close(g.drained)
	}
}

// Go runs work in a goroutine, unless the Group is closed. A panic of the app's storage,
// transport or logger is logged. It would end the process otherwise, because no recover
// middleware catches it in this goroutine.
func (g *Group) Go(what string, work func()) {
	if !g.Begin() {
		return
	}
	go func() {
		defer g.Done()
		g.Survive(what, work)
	}()
}

// Survive runs work and logs its panic.
func (g *Group) Survive(what string, work func()) {
	err := flight.Caught(func() error { work(); return nil })
	if err == nil {
		return
	}
	_ = flight.Caught(func() error { // the logger may be what panics
		g.log.LogAttrs(context.Background(), slog.LevelError, "work in the background panicked", slog.String("work", what), slog.Any("error", err))
		return nil
	})
}

// Context returns the context for background work that calls the network or the storage. It ends
// shortly before Close stops waiting.
func (g *Group) Context() context.Context { return g.ctx }

// Closing returns a channel that is closed when Close begins.
func (g *Group) Closing() <-chan struct{} { return g.closing }

// Close refuses new work and waits for the work that runs, at most for the timeout. The work's
// Context ends a grace period earlier. It reports whether all work has ended, and must be
// called once.
func (g *Group) Close(timeout, grace time.Duration) (drained bool) {
	close(g.closing)
	timer := time.AfterFunc(timeout-grace, g.cancel)
	defer g.cancel()
	defer timer.Stop()
	select {
	case <-g.end():
		return true
	case <-time.After(timeout):
		return false
	}
}

func (g *Group) end() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	if g.running == 0 {
		close(g.drained)
	}
	return g.drained
}
