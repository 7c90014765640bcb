// Package background runs work in the background, for which Close must wait.
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
	ctx     context.Context // for the work; it ends while Close waits
	cancel  context.CancelFunc
	closing chan struct{} // closed when Close begins

	mu      sync.Mutex
	running int
	closed  bool
	drained chan struct{}
}

// New returns an empty Group.
func New(log *slog.Logger) *Group {
	g := &Group{log: log, closing: make(chan struct{}), drained: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

// Begin counts another piece of work, until [Group.Done]. It returns false after Close.
func (g *Group) Begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.running++
	return true
}

// Done ends a piece of work that Begin has counted.
func (g *Group) Done() {
	g.mu.Lock()
	g.running--
	last := g.closed && g.running == 0
	g.mu.Unlock()
	if last {
		close(g.drained)
	}
}

// Go runs work in a goroutine, unless the Group is closed. A panic of the app's storage, transport or
// logger is logged. Otherwise it would end the process, because no middleware recovers from panics in
// this goroutine.
func (g *Group) Go(what string, work func()) {
	if !g.Begin() {
		return
	}
	go func() {
		defer g.Done()
		g.Survive(what, work)
	}()
}

// Survive runs work and logs a panic.
func (g *Group) Survive(what string, work func()) {
	err := flight.Caught(func() error { work(); return nil })
	if err == nil {
		return
	}
	_ = flight.Caught(func() error { // the logger itself may panic
		g.log.LogAttrs(context.Background(), slog.LevelError, "work in the background panicked", slog.String("work", what), slog.Any("error", err))
		return nil
	})
}

// Context returns the context for background work that calls the network or the storage. It ends
// shortly before Close stops waiting.
func (g *Group) Context() context.Context { return g.ctx }

// Closing returns a channel that is closed when Close begins.
func (g *Group) Closing() <-chan struct{} { return g.closing }

// Close refuses new work and waits for running work, but no longer than timeout. The work's Context
// ends a grace period earlier. Close reports whether all work has ended. It must be called only once.
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
