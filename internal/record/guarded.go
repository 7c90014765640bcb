package record

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

const (
	// tripAfter is how many failures in a row mean that the storage is down.
	tripAfter = 5
	// probeEvery is how often one caller tries whether it is back. In between
	// nobody waits for it.
	probeEvery = 500 * time.Millisecond
)

// ErrDown says that the storage has failed so often just now that it was not asked.
var ErrDown = errors.New("record: the storage is down")

// Guarded is a Backend behind a circuit breaker: without one, every request would
// wait for the deadlines of a storage that stalls (threat G3). Lock is not behind
// it, for it does without the storage if it must.
type Guarded struct {
	Backend
	breaker *gobreaker.CircuitBreaker[any]
}

// NewGuarded guards a backend, and tells changed when it is down and up again.
func NewGuarded(backend Backend, changed func(down bool)) *Guarded {
	return &Guarded{Backend: backend, breaker: gobreaker.NewCircuitBreaker[any](gobreaker.Settings{
		MaxRequests:  1,
		Timeout:      probeEvery,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
		IsSuccessful: func(err error) bool { return err == nil || refused(err) },
		// A caller who gave up says nothing about the storage.
		IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			if from == gobreaker.StateClosed || to == gobreaker.StateClosed {
				changed(to != gobreaker.StateClosed)
			}
		},
	})}
}

// refused reports whether Redis is up and refuses one command: a full memory takes
// no new session, and has those it holds.
func refused(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply) && (strings.HasPrefix(reply.Error(), "OOM ") || strings.HasPrefix(reply.Error(), "NOPERM "))
}

// guarded asks the storage, unless it is down.
func guarded[T any](g *Guarded, ask func() (T, error)) (T, error) {
	result, err := g.breaker.Execute(func() (any, error) { return ask() })
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		err = ErrDown
	}
	t, _ := result.(T)
	return t, err
}

// Get implements [Backend].
func (g *Guarded) Get(ctx context.Context, key string) ([]byte, error) {
	return guarded(g, func() ([]byte, error) { return g.Backend.Get(ctx, key) })
}

// Set implements [Backend].
func (g *Guarded) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	_, err := guarded(g, func() (any, error) { return nil, g.Backend.Set(ctx, key, value, ttl) })
	return err
}

// Update implements [Backend].
func (g *Guarded) Update(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	return guarded(g, func() (bool, error) { return g.Backend.Update(ctx, key, value, ttl) })
}

// Swap implements [Backend].
func (g *Guarded) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	return guarded(g, func() (bool, error) { return g.Backend.Swap(ctx, key, old, value, ttl) })
}

// Touch implements [Backend].
func (g *Guarded) Touch(ctx context.Context, ttl time.Duration, keys ...string) error {
	_, err := guarded(g, func() (any, error) { return nil, g.Backend.Touch(ctx, ttl, keys...) })
	return err
}

// Delete implements [Backend].
func (g *Guarded) Delete(ctx context.Context, keys ...string) error {
	_, err := guarded(g, func() (any, error) { return nil, g.Backend.Delete(ctx, keys...) })
	return err
}

// Claim implements [Backend].
func (g *Guarded) Claim(ctx context.Context, key, value string, ttl time.Duration) (bool, error) {
	return guarded(g, func() (bool, error) { return g.Backend.Claim(ctx, key, value, ttl) })
}
