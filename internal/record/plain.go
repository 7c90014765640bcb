package record

import (
	"bytes"
	"context"
	"hash/maphash"
	"strings"
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
// process: with several instances a swap may win over another one's delete. Some
// storages ignore how long a value may live, so each value carries its end.
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

// Get implements [Backend]. A value whose end has come is removed.
func (p *Plain) Get(ctx context.Context, key string) ([]byte, error) {
	v, err := p.read(ctx, key)
	if err != nil || !v.over() {
		return bytes.Clone(v.content), err
	}
	for _, ended := range []string{key, beside(key)} {
		if err := p.removeEnded(ctx, ended); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// beside is the key of the tokens of a session, which nobody asks for when that has ended.
func beside(key string) string {
	if name, ok := strings.CutSuffix(key, ":"+string(Session)); ok {
		return name + ":" + string(Tokens)
	}
	return key
}

func (p *Plain) removeEnded(ctx context.Context, key string) error {
	defer p.guard(key)()
	v, err := p.read(ctx, key)
	if err != nil || !v.over() {
		return err
	}
	return p.storage.Delete(key)
}

// Set implements [Backend].
func (p *Plain) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	defer p.guard(key)()
	return p.write(ctx, key, plainValue{value, time.Now().Add(ttl)})
}

// Begin implements [Backend].
func (p *Plain) Begin(ctx context.Context, b *Beginning) (Begun, error) {
	return beginOn(ctx, p, b)
}

// Swap implements [Backend]. The key's life does not change, but for a value without an
// end, which an earlier version wrote.
func (p *Plain) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	defer p.guard(key)()
	present, err := p.alive(ctx, key)
	if err != nil || present.content == nil || !bytes.Equal(present.content, old) {
		return false, err
	}
	if present.until.IsZero() {
		present.until = time.Now().Add(ttl)
	}
	return true, p.write(ctx, key, plainValue{value, present.until})
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
	v, err := p.alive(ctx, key)
	if err != nil || v.content == nil {
		return err
	}
	return p.write(ctx, key, plainValue{v.content, time.Now().Add(ttl)})
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

// Life implements [Backend].
func (p *Plain) Life(ctx context.Context, key string) (time.Duration, error) {
	v, err := p.alive(ctx, key)
	if err != nil || v.content == nil || v.until.IsZero() {
		return 0, err
	}
	return max(0, time.Until(v.until)), nil
}

// Claim implements [Backend] for this process only.
func (p *Plain) Claim(ctx context.Context, key, value string, ttl time.Duration) (bool, error) {
	return p.claims.Claim(ctx, key, value, ttl)
}

// alive is the value of a key, or none if its end has come.
func (p *Plain) alive(ctx context.Context, key string) (plainValue, error) {
	v, err := p.read(ctx, key)
	if v.over() {
		return plainValue{}, err
	}
	return v, err
}

func (p *Plain) read(ctx context.Context, key string) (plainValue, error) {
	if err := ctx.Err(); err != nil {
		return plainValue{}, err
	}
	stored, err := p.storage.Get(key)
	if err != nil {
		return plainValue{}, err
	}
	return decodePlain(stored), nil
}

func (p *Plain) write(ctx context.Context, key string, v plainValue) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// The storage may count whole seconds, and take zero for eternity.
	return p.storage.Set(key, v.encode(), atLeastASecond(time.Until(v.until)))
}

func (p *Plain) guard(key string) (unlock func()) {
	mu := &p.stripes[maphash.String(p.seed, key)%stripes]
	mu.Lock()
	return mu.Unlock
}
