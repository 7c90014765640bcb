package record

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

var _ Backend = (*Guarded)(nil)

// Get implements [Backend].
func (g *Guarded) Get(ctx context.Context, key string) ([]byte, error) {
	return guarded(ctx, g, "get", key, func(ctx context.Context) ([]byte, error) { return g.inner.Get(ctx, key) })
}

// Set implements [Backend].
func (g *Guarded) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	_, err := guarded(ctx, g, "set", key, func(ctx context.Context) (any, error) { return nil, g.inner.Set(ctx, key, value, ttl) })
	return err
}

// Begin implements [Backend]. With several servers it makes a separate call for each step, so that the
// breaker of the server counts it.
func (g *Guarded) Begin(ctx context.Context, p *BeginParams) (BeginResult, error) {
	first := *p
	if g.locate != nil {
		first.Lists = nil
	}
	result, err := guarded(ctx, g, "set", p.Entries[0].Key, func(ctx context.Context) (BeginResult, error) { return g.inner.Begin(ctx, &first) })
	if err != nil || g.locate == nil {
		return result, err
	}
	result.Marked = Never
	for i, list := range p.Lists {
		next := BeginParams{Name: p.Name, Until: p.Until, Lists: []List{list}}
		listed, err := guarded(ctx, g, "enlist", list.Key, func(ctx context.Context) (BeginResult, error) { return g.inner.Begin(ctx, &next) })
		if err != nil {
			return result, err
		}
		if i == 0 {
			result.Excess = listed.Excess
		}
		result.Marked = min(result.Marked, listed.Marked)
	}
	return result, nil
}

// Swap implements [Backend].
func (g *Guarded) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	return guarded(ctx, g, "swap", key, func(ctx context.Context) (bool, error) { return g.inner.Swap(ctx, key, old, value, ttl) })
}

// Touch implements [Backend]. It returns [ErrTouchRefused] for a while after the server has
// failed to touch. Other masters of a Cluster are not affected.
func (g *Guarded) Touch(ctx context.Context, ttl time.Duration, keys ...string) error {
	bounded, cancel := g.deadlines.bound(ctx)
	defer cancel()
	b, err := g.breakerOf(bounded, ctx, keys[0])
	switch {
	case err != nil:
		return err
	case b.pausesTouches(time.Now()):
		return ErrTouchRefused
	}
	_, err = guarded(ctx, g, "touch", keys[0], func(ctx context.Context) (any, error) { return nil, g.inner.Touch(ctx, ttl, keys...) })
	if err != nil && ctx.Err() == nil { // a caller that gave up gives no information about the storage
		b.touchFailedAt.Store(time.Now().UnixNano())
	}
	return err
}

// Delete implements [Backend].
func (g *Guarded) Delete(ctx context.Context, keys ...string) error {
	_, err := guarded(ctx, g, "delete", keys[0], func(ctx context.Context) (any, error) { return nil, g.inner.Delete(ctx, keys...) })
	return err
}

// TTL implements [Backend].
func (g *Guarded) TTL(ctx context.Context, key string) (time.Duration, error) {
	return guarded(ctx, g, "life", key, func(ctx context.Context) (time.Duration, error) { return g.inner.TTL(ctx, key) })
}

// Claim implements [Backend].
func (g *Guarded) Claim(ctx context.Context, key, value string, ttl time.Duration) (bool, error) {
	return guarded(ctx, g, "claim", key, func(ctx context.Context) (bool, error) { return g.inner.Claim(ctx, key, value, ttl) })
}

// Enlist implements [Lists]. With several servers, each list is written by a separate call, so that the
// breaker of its server counts it.
func (g *Guarded) Enlist(ctx context.Context, name string, until time.Time, lists ...List) (excess []string, err error) {
	if g.locate == nil {
		return guarded(ctx, g, "enlist", lists[0].Key, func(ctx context.Context) ([]string, error) { return g.inner.Enlist(ctx, name, until, lists...) })
	}
	for i, list := range lists {
		surplus, err := guarded(ctx, g, "enlist", list.Key, func(ctx context.Context) ([]string, error) { return g.inner.Enlist(ctx, name, until, list) })
		if err != nil {
			return nil, err
		}
		if i == 0 {
			excess = surplus
		}
	}
	return excess, nil
}

// Listed implements [Lists].
func (g *Guarded) Listed(ctx context.Context, lists ...string) ([]string, error) {
	return guarded(ctx, g, "listed", lists[0], func(ctx context.Context) ([]string, error) { return g.inner.Listed(ctx, lists...) })
}

// Delist implements [Lists].
func (g *Guarded) Delist(ctx context.Context, name string, lists ...string) error {
	_, err := guarded(ctx, g, "delist", lists[0], func(ctx context.Context) (any, error) { return nil, g.inner.Delist(ctx, name, lists...) })
	return err
}

// Mark implements [Lists].
func (g *Guarded) Mark(ctx context.Context, key string, ago time.Duration) error {
	_, err := guarded(ctx, g, "mark", key, func(ctx context.Context) (any, error) { return nil, g.inner.Mark(ctx, key, ago) })
	return err
}

// Marked implements [Lists]. With several servers, each key is read by a separate call.
func (g *Guarded) Marked(ctx context.Context, keys ...string) (time.Duration, error) {
	if len(keys) == 0 {
		return Never, nil
	}
	if g.locate == nil {
		return guarded(ctx, g, "marked", keys[0], func(ctx context.Context) (time.Duration, error) { return g.inner.Marked(ctx, keys...) })
	}
	ago, errs := make([]time.Duration, len(keys)), make([]error, len(keys))
	var wait sync.WaitGroup
	for i, key := range keys {
		wait.Go(func() {
			ago[i], errs[i] = guarded(ctx, g, "marked", key, func(ctx context.Context) (time.Duration, error) { return g.inner.Marked(ctx, key) })
		})
	}
	wait.Wait()
	return slices.Min(ago), errors.Join(errs...)
}

// Lock implements [Backend]. It has no breaker, because it works without the storage if necessary.
func (g *Guarded) Lock(ctx context.Context, key string) (release func(), err error) {
	return g.inner.Lock(ctx, key)
}
