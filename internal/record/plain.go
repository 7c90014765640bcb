package record

import (
	"bytes"
	"context"
	"hash/maphash"
	"sync"
	"time"
)

// Storage is the part of fiber.Storage that records need.
type Storage interface {
	Get(key string) ([]byte, error)
	Set(key string, value []byte, ttl time.Duration) error
	Delete(key string) error
}

const stripes = 64

// Plain is a Backend on any storage. Such a storage can neither compare nor
// lock, so everything that reads before it writes does so under a lock of this
// process: with several instances a swap may win over another one's delete.
type Plain struct {
	*locks
	*memoryLists // a list in such a storage would lose entries to other instances
	storage      Storage
	seed         maphash.Seed
	stripes      [stripes]sync.Mutex
	claims       *Memory
}

// NewPlain makes a Backend on storage.
func NewPlain(storage Storage) *Plain {
	return &Plain{locks: newLocks(), memoryLists: newMemoryLists(), storage: storage, seed: maphash.MakeSeed(), claims: NewMemory()}
}

// Get implements [Backend].
func (p *Plain) Get(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	value, err := p.storage.Get(key)
	return bytes.Clone(value), err
}

// Set implements [Backend].
func (p *Plain) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	defer p.guard(key)()
	return p.set(ctx, key, value, ttl)
}

// Begin implements [Backend].
func (p *Plain) Begin(ctx context.Context, ttl time.Duration, entries []Entry, name string, until time.Time, lists ...List) (dropped []string, err error) {
	for _, e := range entries {
		if err := p.Set(ctx, e.Key, e.Value, ttl); err != nil {
			return nil, err
		}
	}
	return p.Enlist(ctx, name, until, lists...)
}

// Swap implements [Backend]; the key lives for ttl, because such a storage does not
// tell how long it would have lived.
func (p *Plain) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	defer p.guard(key)()
	present, err := p.Get(ctx, key)
	if err != nil || present == nil || !bytes.Equal(present, old) {
		return false, err
	}
	return true, p.set(ctx, key, value, ttl)
}

// Touch implements [Backend] by writing the values again.
func (p *Plain) Touch(ctx context.Context, ttl time.Duration, keys ...string) error {
	for _, key := range keys {
		if err := p.touch(ctx, ttl, key); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plain) touch(ctx context.Context, ttl time.Duration, key string) error {
	defer p.guard(key)()
	value, err := p.Get(ctx, key)
	if err != nil || value == nil {
		return err
	}
	return p.set(ctx, key, value, ttl)
}

// Delete implements [Backend].
func (p *Plain) Delete(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if err := p.remove(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plain) remove(ctx context.Context, key string) error {
	defer p.guard(key)()
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.storage.Delete(key)
}

// Life implements [Backend]; such a storage does not tell.
func (p *Plain) Life(context.Context, string) (time.Duration, error) { return 0, nil }

// Claim implements [Backend] for this process only.
func (p *Plain) Claim(ctx context.Context, key, value string, ttl time.Duration) (bool, error) {
	return p.claims.Claim(ctx, key, value, ttl)
}

func (p *Plain) set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.storage.Set(key, value, ttl)
}

func (p *Plain) guard(key string) (unlock func()) {
	mu := &p.stripes[maphash.String(p.seed, key)%stripes]
	mu.Lock()
	return mu.Unlock
}
