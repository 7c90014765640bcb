package sessionmodel_test

import (
	"context"
	"errors"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
)

// storage offers a connection to the library as package embedded offers its file.
type storage struct{ connection *connection }

var errNotUsed = errors.New("the backend is used in place of the storage")

func (s storage) Backend() record.Backend               { return s.connection }
func (storage) Key() ([]byte, error)                    { return nil, errNotUsed }
func (storage) State() record.FileState                 { return record.FileState{} }
func (storage) Get(string) ([]byte, error)              { return nil, errNotUsed }
func (storage) Set(string, []byte, time.Duration) error { return errNotUsed }
func (storage) Delete(string) error                     { return errNotUsed }
func (storage) Reset() error                            { return errNotUsed }
func (storage) Close() error                            { return nil }

var _ record.Embedded = storage{}

func (c *connection) Get(ctx context.Context, key string) ([]byte, error) {
	return read(ctx, c, func() ([]byte, error) { return c.memory.Get(ctx, key) })
}

func (c *connection) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return do(ctx, c, func() error {
		c.checkTTL(key, ttl, false)
		return c.memory.Set(ctx, key, value, ttl)
	})
}

func (c *connection) Begin(ctx context.Context, p *record.BeginParams) (record.BeginResult, error) {
	return call(ctx, c, func() (record.BeginResult, error) {
		for _, entry := range p.Entries {
			c.checkTTL(entry.Key, p.TTL, true)
		}
		if c.created != nil {
			c.created(p)
		}
		return c.memory.Begin(ctx, p)
	})
}

func (c *connection) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	return call(ctx, c, func() (bool, error) {
		c.checkTTL(key, ttl, false)
		return c.memory.Swap(ctx, key, old, value, ttl)
	})
}

func (c *connection) Touch(ctx context.Context, ttl time.Duration, keys ...string) error {
	return do(ctx, c, func() error {
		for _, key := range keys {
			c.checkTTL(key, ttl, false)
		}
		return c.memory.Touch(ctx, ttl, keys...)
	})
}

func (c *connection) Delete(ctx context.Context, keys ...string) error {
	return do(ctx, c, func() error { return c.memory.Delete(ctx, keys...) })
}

func (c *connection) TTL(ctx context.Context, key string) (time.Duration, error) {
	return read(ctx, c, func() (time.Duration, error) { return c.memory.TTL(ctx, key) })
}

func (c *connection) Claim(ctx context.Context, key, value string, ttl time.Duration) (bool, error) {
	return call(ctx, c, func() (bool, error) {
		c.checkTTL(key, ttl, false)
		return c.memory.Claim(ctx, key, value, ttl)
	})
}

func (c *connection) Enlist(ctx context.Context, name string, until time.Time, lists ...record.List) ([]string, error) {
	return call(ctx, c, func() ([]string, error) { return c.memory.Enlist(ctx, name, until, lists...) })
}

func (c *connection) Listed(ctx context.Context, lists ...string) ([]string, error) {
	return read(ctx, c, func() ([]string, error) { return c.memory.Listed(ctx, lists...) })
}

func (c *connection) Delist(ctx context.Context, name string, lists ...string) error {
	return do(ctx, c, func() error { return c.memory.Delist(ctx, name, lists...) })
}

func (c *connection) Mark(ctx context.Context, key string, ago time.Duration) error {
	return do(ctx, c, func() error { return c.memory.Mark(ctx, key, ago) })
}

func (c *connection) Marked(ctx context.Context, keys ...string) (time.Duration, error) {
	return read(ctx, c, func() (time.Duration, error) { return c.memory.Marked(ctx, keys...) })
}

// Lock works without the storage if it must, as that of Redis does. The lock of an instance that crashed is held for a
// while.
func (c *connection) Lock(ctx context.Context, key string) (release func(), err error) {
	if err := do(ctx, c, func() error { return nil }); err != nil {
		return func() {}, nil //nolint:nilerr // as documented
	}
	unlock, err := c.memory.Lock(ctx, key)
	if err != nil {
		return nil, err
	}
	if c.isCut() {
		unlock()
		return nil, errCut
	}
	held := &lock{unlock}
	c.inject(func(c *connection) { c.held[held] = true })
	return func() {
		if !c.isCut() {
			c.inject(func(c *connection) { delete(c.held, held) })
			unlock()
		}
	}, nil
}
