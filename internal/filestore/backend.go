package filestore

import (
	"bytes"
	"context"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
)

// backend keeps records in a file.
type backend struct {
	file     *file
	volatile *record.Memory // locks and marks
}

var _ record.Backend = (*backend)(nil)

func recordKey(key string) []byte { return []byte(recordKeys + key) }

// Get implements [record.Backend].
func (b *backend) Get(ctx context.Context, key string) (value []byte, err error) {
	err = b.file.view(ctx, func(t *tree) { value = bytes.Clone(t.live(recordKey(key)).Content) })
	return value, err
}

// Set implements [record.Backend].
func (b *backend) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	expiresAt := time.Now().Add(ttl)
	return b.file.change(ctx, func(t *tree) error {
		return t.put(recordKey(key), record.TimedValue{Content: value, ExpiresAt: expiresAt})
	})
}

// Begin implements [record.Backend], in one transaction. It reads the marks after the lists have been
// written, so that either it finds the mark of EndSessions or EndSessions finds the name.
func (b *backend) Begin(ctx context.Context, p *record.BeginParams) (record.BeginResult, error) {
	expiresAt := time.Now().Add(p.TTL)
	var excess []string
	err := b.file.change(ctx, func(t *tree) (err error) {
		for _, e := range p.Entries {
			if err := t.put(recordKey(e.Key), record.TimedValue{Content: e.Value, ExpiresAt: expiresAt}); err != nil {
				return err
			}
		}
		excess, err = t.enlist(p.Name, p.Until, p.Lists)
		return err
	})
	if err != nil {
		return record.BeginResult{}, err
	}
	marked, err := b.volatile.Marked(ctx, p.Marks()...)
	return record.BeginResult{Excess: excess, Marked: marked}, err
}

// Swap implements [record.Backend]. The key's TTL does not change.
func (b *backend) Swap(ctx context.Context, key string, old, value []byte, _ time.Duration) (bool, error) {
	var swapped bool
	err := b.file.change(ctx, func(t *tree) error {
		current := t.live(recordKey(key))
		swapped = current.Content != nil && bytes.Equal(current.Content, old)
		if !swapped {
			return nil
		}
		return t.put(recordKey(key), record.TimedValue{Content: value, ExpiresAt: current.ExpiresAt})
	})
	if err != nil {
		return false, err
	}
	return swapped, nil
}

// Touch implements [record.Backend]. It writes the values again, because they contain their expiry.
func (b *backend) Touch(ctx context.Context, ttl time.Duration, keys ...string) error {
	expiresAt := time.Now().Add(ttl)
	return b.file.change(ctx, func(t *tree) error {
		for _, key := range keys {
			v := t.live(recordKey(key))
			if v.ExpiresAt.IsZero() {
				continue // absent, or damaged
			}
			if err := t.put(recordKey(key), record.TimedValue{Content: bytes.Clone(v.Content), ExpiresAt: expiresAt}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Delete implements [record.Backend].
func (b *backend) Delete(ctx context.Context, keys ...string) error {
	return b.file.change(ctx, func(t *tree) error {
		for _, key := range keys {
			if err := t.remove(recordKey(key)); err != nil {
				return err
			}
		}
		return nil
	})
}

// TTL implements [record.Backend].
func (b *backend) TTL(ctx context.Context, key string) (ttl time.Duration, err error) {
	err = b.file.view(ctx, func(t *tree) {
		if v := t.live(recordKey(key)); !v.ExpiresAt.IsZero() {
			ttl = max(0, time.Until(v.ExpiresAt))
		}
	})
	return ttl, err
}

// Claim implements [record.Backend].
func (b *backend) Claim(ctx context.Context, key, value string, ttl time.Duration) (bool, error) {
	expiresAt := time.Now().Add(ttl)
	var claimed bool
	err := b.file.change(ctx, func(t *tree) error {
		current := t.live(recordKey(key))
		claimed = current.Content == nil || string(current.Content) == value
		if current.Content != nil {
			return nil
		}
		return t.put(recordKey(key), record.TimedValue{Content: []byte(value), ExpiresAt: expiresAt})
	})
	if err != nil {
		return false, err
	}
	return claimed, nil
}

// Lock implements [record.Backend]. No other process uses the file.
func (b *backend) Lock(ctx context.Context, key string) (release func(), err error) {
	return b.volatile.Lock(ctx, key)
}
