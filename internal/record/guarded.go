package record

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

const (
	// tripAfter is how many failures in a row mean that the storage is down.
	tripAfter = 5
	// probeEvery is how long after a failed attempt one caller tries whether it is back. In
	// between requests fail at once. An attempt takes half a second at most, so that service
	// is back within a second.
	probeEvery = 200 * time.Millisecond
	// touchPause is how long nothing is prolonged on a part after it has refused that. One
	// that serves reads alone would otherwise be asked in vain by every request.
	touchPause = time.Second
)

// ErrTouchRefused says that the storage has refused a touch just now, and was not asked.
var ErrTouchRefused = errors.New("record: the storage prolongs nothing")

// ErrDown says that the storage has failed so often just now that it was not asked.
var ErrDown = errors.New("record: the storage is down")

// Guarded is a Backend behind circuit breakers: without, every request would wait for
// the deadlines of a storage that stalls (threat G3). Each master of a Cluster has one
// of its own, for one that is down says nothing about the others. Lock is not behind
// them, for it does without the storage if it must.
type Guarded struct {
	Backend
	locate  func(ctx context.Context, key string) (where string, err error) // nil: all is one part
	whole   *part                                                           // that one part, or what locates
	bounds  deadlines                                                       // of one operation
	observe func(operation string) func(error)                              // may be nil, and return nil
	changed func(down bool)

	mu    sync.Mutex
	parts map[string]*part // by where they are; the whole is ""
	down  atomic.Bool      // any of them
}

// part is what fails on its own.
type part struct {
	*gobreaker.CircuitBreaker[any]
	key  string // that was found here
	down bool

	touchFailedAt atomic.Int64 // Unix nanoseconds
}

// refusesTouches reports whether a touch has failed just now.
func (p *part) refusesTouches(now time.Time) bool {
	since := now.UnixNano() - p.touchFailedAt.Load() // negative if the clock was set back
	return since >= 0 && since < int64(touchPause)
}

// NewGuarded guards a backend, and tells changed when any of it is down, and when all
// is up again.
func NewGuarded(backend Backend, observe func(operation string) func(error), changed func(down bool)) *Guarded {
	g := &Guarded{Backend: backend, observe: observe, changed: changed, parts: make(map[string]*part)}
	if b, ok := backend.(interface {
		Locate() func(context.Context, string) (string, error)
	}); ok {
		g.locate = b.Locate()
	}
	if b, ok := backend.(interface{ Patience() time.Duration }); ok {
		g.bounds.patience = b.Patience()
	}
	g.whole = g.part("", "")
	return g
}

// partOf returns the part that holds a key.
func (g *Guarded) partOf(ctx, caller context.Context, key string) (*part, error) {
	if g.locate == nil {
		return g.whole, nil
	}
	where, err := execute(caller, g.whole, func() (string, error) { return g.locate(ctx, key) })
	if err != nil {
		return nil, err
	}
	return g.part(where, key), nil
}

func (g *Guarded) part(where, key string) *part {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, ok := g.parts[where]
	if !ok {
		p = &part{key: key}
		p.CircuitBreaker = gobreaker.NewCircuitBreaker[any](gobreaker.Settings{
			MaxRequests:  1,
			Timeout:      probeEvery,
			ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
			IsSuccessful: func(err error) bool { return err == nil || isReply(err) },
			IsExcluded:   isNobodysFault,
			OnStateChange: func(_ string, _, to gobreaker.State) {
				g.mu.Lock()
				defer g.mu.Unlock()
				p.down = to != gobreaker.StateClosed
				g.report()
			},
		})
		g.parts[where] = p
	}
	return p
}

// report tells of a change. The lock is held.
func (g *Guarded) report() {
	down := false
	for p := range maps.Values(g.parts) {
		down = down || p.down
	}
	if g.down.Swap(down) != down {
		g.changed(down)
	}
}

// forget drops the parts that are down and hold nothing any more, as after a failover:
// nobody would ask whether they are back.
func (g *Guarded) forget(ctx context.Context) {
	if g.locate == nil || !g.down.Load() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.DeleteFunc(g.parts, func(where string, p *part) bool {
		if !p.down || p == g.whole {
			return false
		}
		now, err := g.locate(ctx, p.key)
		return err == nil && now != where
	})
	g.report()
}

// isReply reports whether an error is the reply of a server that is up: one that refuses a
// command, such as a write without enough replicas or memory, serves others.
func isReply(err error) bool {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return false
	}
	switch kind, _, _ := strings.Cut(reply.Error(), " "); kind {
	case "LOADING", "MASTERDOWN":
		return false
	case "CLUSTERDOWN":
		return reply.Error() != clusterDown
	}
	return true
}

// clusterDown is the reply of a Cluster's master that serves nothing. Other replies of the
// kind are about one slot, or about writes.
const clusterDown = "CLUSTERDOWN The cluster is down"

// isNobodysFault reports whether an error says nothing about the storage: a caller's own end,
// or a wait for a connection of the pool, which many callers are enough for.
func isNobodysFault(err error) bool {
	return errors.As(err, new(*callerError)) || errors.Is(err, context.Canceled) ||
		errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted)
}

// callerError is the failure of an operation that its caller's own context ended. It says
// nothing about the storage.
type callerError struct{ error }

func (c *callerError) Unwrap() error { return c.error }

// deadlineSlack is by how much a connection's timer may be ahead of a context's.
const deadlineSlack = 5 * time.Millisecond

// endedBy reports whether the caller's context ended an operation that failed, and not the
// time limit of all operations or of the client.
func endedBy(caller context.Context, err error) bool {
	if caller.Err() != nil {
		return true
	}
	deadline, ok := caller.Deadline()
	var t interface{ Timeout() bool }
	return ok && time.Until(deadline) < deadlineSlack && errors.As(err, &t) && t.Timeout()
}

// guarded asks the part of the storage that holds a key, unless it is down. It waits no
// longer than the backend allows: a client that retries and follows redirects would wait
// for several time limits one after the other (threat G3).
func guarded[T any](caller context.Context, g *Guarded, operation, key string, ask func(context.Context) (T, error)) (result T, err error) {
	if err := caller.Err(); err != nil {
		return result, err
	}
	ctx, done := g.bounds.bounded(caller)
	defer done()
	p, err := g.partOf(ctx, caller, key)
	if err != nil {
		return result, err
	}
	result, err = execute(caller, p, func() (T, error) { return observed(ctx, g.observe, operation, ask) })
	if err == nil {
		g.forget(ctx)
	}
	return result, err
}

func observed[T any](ctx context.Context, observe func(string) func(error), operation string, ask func(context.Context) (T, error)) (T, error) {
	if observe == nil {
		return caught(ctx, ask)
	}
	end := observe(operation)
	result, err := caught(ctx, ask)
	if end != nil {
		end(err)
	}
	return result, err
}

// caught takes a panic of the app's storage for a failure: much is stored and removed by
// goroutines of our own, where it would pass every other recover (threat G23).
func caught[T any](ctx context.Context, ask func(context.Context) (T, error)) (result T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("record: the storage panicked: %v", p)
		}
	}()
	return ask(ctx)
}

// execute asks a part and has its breaker count the outcome, unless the caller ended it.
func execute[T any](caller context.Context, p *part, ask func() (T, error)) (T, error) {
	result, err := p.Execute(func() (any, error) {
		t, err := ask()
		if err != nil && endedBy(caller, err) {
			err = &callerError{err}
		}
		return t, err
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		err = ErrDown
	}
	t, _ := result.(T)
	return t, err
}

// Get implements [Backend].
func (g *Guarded) Get(ctx context.Context, key string) ([]byte, error) {
	return guarded(ctx, g, "get", key, func(ctx context.Context) ([]byte, error) { return g.Backend.Get(ctx, key) })
}

// Set implements [Backend].
func (g *Guarded) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	_, err := guarded(ctx, g, "set", key, func(ctx context.Context) (any, error) { return nil, g.Backend.Set(ctx, key, value, ttl) })
	return err
}

// Swap implements [Backend].
func (g *Guarded) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	return guarded(ctx, g, "swap", key, func(ctx context.Context) (bool, error) { return g.Backend.Swap(ctx, key, old, value, ttl) })
}

// Touch implements [Backend]. It returns [ErrTouchRefused] while a part that has failed to
// is not asked again: of a Cluster other masters may prolong what they hold.
func (g *Guarded) Touch(ctx context.Context, ttl time.Duration, keys ...string) error {
	bounded, done := g.bounds.bounded(ctx)
	defer done()
	p, err := g.partOf(bounded, ctx, keys[0])
	switch {
	case err != nil:
		return err
	case p.refusesTouches(time.Now()):
		return ErrTouchRefused
	}
	_, err = guarded(ctx, g, "touch", keys[0], func(ctx context.Context) (any, error) { return nil, g.Backend.Touch(ctx, ttl, keys...) })
	if err != nil && ctx.Err() == nil { // a caller who gave up says nothing about the storage
		p.touchFailedAt.Store(time.Now().UnixNano())
	}
	return err
}

// Delete implements [Backend].
func (g *Guarded) Delete(ctx context.Context, keys ...string) error {
	_, err := guarded(ctx, g, "delete", keys[0], func(ctx context.Context) (any, error) { return nil, g.Backend.Delete(ctx, keys...) })
	return err
}

// Life implements [Backend].
func (g *Guarded) Life(ctx context.Context, key string) (time.Duration, error) {
	return guarded(ctx, g, "life", key, func(ctx context.Context) (time.Duration, error) { return g.Backend.Life(ctx, key) })
}

// Claim implements [Backend].
func (g *Guarded) Claim(ctx context.Context, key, value string, ttl time.Duration) (bool, error) {
	return guarded(ctx, g, "claim", key, func(ctx context.Context) (bool, error) { return g.Backend.Claim(ctx, key, value, ttl) })
}

// Enlist implements [Backend]. Where there are several parts, each list is asked of its
// own: one that is down must not be taken for another.
func (g *Guarded) Enlist(ctx context.Context, name string, until time.Time, lists ...List) (dropped []string, err error) {
	if g.locate == nil {
		return guarded(ctx, g, "enlist", lists[0].Key, func(ctx context.Context) ([]string, error) { return g.Backend.Enlist(ctx, name, until, lists...) })
	}
	for i, list := range lists {
		more, err := guarded(ctx, g, "enlist", list.Key, func(ctx context.Context) ([]string, error) { return g.Backend.Enlist(ctx, name, until, list) })
		if err != nil {
			return nil, err
		}
		if i == 0 {
			dropped = more
		}
	}
	return dropped, nil
}

// Listed implements [Backend].
func (g *Guarded) Listed(ctx context.Context, lists ...string) ([]string, error) {
	return guarded(ctx, g, "listed", lists[0], func(ctx context.Context) ([]string, error) { return g.Backend.Listed(ctx, lists...) })
}

// Delist implements [Backend].
func (g *Guarded) Delist(ctx context.Context, name string, lists ...string) error {
	_, err := guarded(ctx, g, "delist", lists[0], func(ctx context.Context) (any, error) { return nil, g.Backend.Delist(ctx, name, lists...) })
	return err
}
