package record

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// ErrTouchRefused means that the storage was not called, because a touch has just failed.
var ErrTouchRefused = errors.New("record: touches are paused after a failure")

// Guarded is a Backend with circuit breakers. Without them, every request would wait for the time
// limits of a storage that stalls (threat G3). Each master of a Cluster has its own breaker, because a
// failure of one gives no information about the others. Lock has no breaker, because it works without
// the storage.
type Guarded struct {
	inner     Backend                                                        // not embedded, because a new method must also be guarded
	locate    func(ctx context.Context, key string) (addr string, err error) // nil if there is a single server
	single    *breaker                                                       // for the single server, or for calls of locate
	deadlines deadlines                                                      // of single operations
	observe   func(operation string) func(error)                             // may be nil, and may return nil
	changed   func(down bool)

	mu       sync.Mutex
	breakers map[string]*breaker // by address; that of single is ""
	down     atomic.Bool         // any breaker is open
}

// NewGuarded puts circuit breakers in front of a backend. It calls observe, which may be nil, at the
// beginning of each operation, and the returned function, which may be nil, at the end. It calls
// changed when the first breaker opens and when all are closed again.
func NewGuarded(backend Backend, observe func(operation string) func(error), changed func(down bool)) *Guarded {
	g := &Guarded{inner: backend, observe: observe, changed: changed, breakers: make(map[string]*breaker)}
	if b, ok := backend.(interface {
		Locate() func(context.Context, string) (string, error)
	}); ok {
		g.locate = b.Locate()
	}
	if b, ok := backend.(interface{ TimeLimit() time.Duration }); ok {
		g.deadlines.limit = b.TimeLimit()
	}
	g.single = g.breakerAt("", "")
	return g
}

// breakerOf returns the breaker of the server with a key.
func (g *Guarded) breakerOf(ctx, caller context.Context, key string) (*breaker, error) {
	if g.locate == nil {
		return g.single, nil
	}
	addr, err := execute(caller, g.single, func() (string, error) { return g.locate(ctx, key) })
	if err != nil {
		return nil, err
	}
	return g.breakerAt(addr, key), nil
}

func (g *Guarded) breakerAt(addr, key string) *breaker {
	g.mu.Lock()
	defer g.mu.Unlock()
	b, ok := g.breakers[addr]
	if !ok {
		b = newBreaker(key, g.onChange)
		g.breakers[addr] = b
	}
	return b
}

func (g *Guarded) onChange(b *breaker, open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b.open = open
	g.report()
}

// report calls changed if the state of the whole storage has changed. The caller holds the mutex.
func (g *Guarded) report() {
	down := false
	for b := range maps.Values(g.breakers) {
		down = down || b.open
	}
	if g.down.Swap(down) != down {
		g.changed(down)
	}
}

// removeStale removes open breakers of servers that have no keys any more, for example after a
// failover, because no request would probe whether these servers are back.
func (g *Guarded) removeStale(ctx context.Context) {
	if g.locate == nil || !g.down.Load() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.DeleteFunc(g.breakers, func(addr string, b *breaker) bool {
		if !b.open || b == g.single {
			return false
		}
		current, err := g.locate(ctx, b.key)
		return err == nil && current != addr
	})
	g.report()
}

// guarded makes a call to the server with a key, unless its breaker is open. It waits no longer than
// the backend's time limit, because a client that retries and follows redirects would wait for several
// timeouts one after another (threat G3).
func guarded[T any](caller context.Context, g *Guarded, operation, key string, call func(context.Context) (T, error)) (result T, err error) {
	if err := caller.Err(); err != nil {
		return result, err
	}
	ctx, cancel := g.deadlines.bound(caller)
	defer cancel()
	b, err := g.breakerOf(ctx, caller, key)
	if err != nil {
		return result, err
	}
	result, err = execute(caller, b, func() (T, error) { return observed(ctx, g.observe, operation, call) })
	if err == nil {
		g.removeStale(ctx)
	}
	return result, err
}

func observed[T any](ctx context.Context, observe func(string) func(error), operation string, call func(context.Context) (T, error)) (T, error) {
	if observe == nil {
		return recovered(ctx, call)
	}
	end := observe(operation)
	result, err := recovered(ctx, call)
	if end != nil {
		end(err)
	}
	return result, err
}

// recovered returns a panic of the app's storage as an error, because goroutines of this module also
// use the storage, and nothing else would recover from a panic there (threat G23).
func recovered[T any](ctx context.Context, call func(context.Context) (T, error)) (result T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("record: the storage panicked: %v", p)
		}
	}()
	return call(ctx)
}
