package record

import (
	"bytes"
	"context"
	"hash/maphash"
	"strings"
	"sync"
	"time"
)

const stripes = 64

// Plain is a Backend on any storage. Such a storage can neither compare nor lock, so every read
// followed by a write is made under a lock in this process. With several instances, a swap of one may
// overwrite a deletion of another. Some storages ignore TTLs, so each value contains its expiry.
type Plain struct {
	*locks
	*memoryLists // a list in such a storage could lose entries of other instances
	storage      contextStorage
	seed         maphash.Seed
	stripes      [stripes]sync.Mutex // each locks a part of the keys
	claims       *Memory
}

// NewPlain returns a Backend on a storage.
func NewPlain(storage Storage) *Plain {
	return &Plain{locks: newLocks(), memoryLists: newMemoryLists(), storage: withContext(storage), seed: maphash.MakeSeed(), claims: NewMemory()}
}

// Get implements [Backend]. It removes a value that has expired.
func (p *Plain) Get(ctx context.Context, key string) ([]byte, error) {
	v, err := p.read(ctx, key)
	if err != nil || !v.Expired() {
		return bytes.Clone(v.Content), err
	}
	for _, expired := range []string{key, tokensKey(key)} {
		if err := p.removeExpired(ctx, expired); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// tokensKey returns the key of the tokens that belong to a session, which are not read after the
// session has expired. For other keys it returns the key itself.
func tokensKey(key string) string {
	if name, ok := strings.CutSuffix(key, ":"+string(Session)); ok {
		return name + ":" + string(Tokens)
	}
	return key
}

func (p *Plain) removeExpired(ctx context.Context, key string) error {
	defer p.lock(key)()
	v, err := p.read(ctx, key)
	if err != nil || !v.Expired() {
		return err
	}
	return p.storage.DeleteWithContext(ctx, key)
}

// Set implements [Backend].
func (p *Plain) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	defer p.lock(key)()
	return p.write(ctx, key, TimedValue{value, time.Now().Add(ttl)})
}

// Begin implements [Backend].
func (p *Plain) Begin(ctx context.Context, params *BeginParams) (BeginResult, error) {
	return beginOn(ctx, p, params)
}

// Swap implements [Backend]. The key's TTL does not change, except for a value of an earlier
// version, which has no expiry.
func (p *Plain) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	defer p.lock(key)()
	current, err := p.live(ctx, key)
	if err != nil || current.Content == nil || !bytes.Equal(current.Content, old) {
		return false, err
	}
	if current.ExpiresAt.IsZero() {
		current.ExpiresAt = time.Now().Add(ttl)
	}
	return true, p.write(ctx, key, TimedValue{value, current.ExpiresAt})
}

// Touch implements [Backend]. It writes the values again.
func (p *Plain) Touch(ctx context.Context, ttl time.Duration, keys ...string) error {
	for _, key := range keys {
		if err := p.touch(ctx, ttl, key); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plain) touch(ctx context.Context, ttl time.Duration, key string) error {
	defer p.lock(key)()
	v, err := p.live(ctx, key)
	if err != nil || v.Content == nil {
		return err
	}
	return p.write(ctx, key, TimedValue{v.Content, time.Now().Add(ttl)})
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
	defer p.lock(key)()
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.storage.DeleteWithContext(ctx, key)
}

// TTL implements [Backend].
func (p *Plain) TTL(ctx context.Context, key string) (time.Duration, error) {
	v, err := p.live(ctx, key)
	if err != nil || v.Content == nil || v.ExpiresAt.IsZero() {
		return 0, err
	}
	return max(0, time.Until(v.ExpiresAt)), nil
}

// Claim implements [Backend], in this process only.
func (p *Plain) Claim(ctx context.Context, key, value string, ttl time.Duration) (bool, error) {
	return p.claims.Claim(ctx, key, value, ttl)
}

// live returns the value of a key, or an empty one if it has expired.
func (p *Plain) live(ctx context.Context, key string) (TimedValue, error) {
	v, err := p.read(ctx, key)
	if v.Expired() {
		return TimedValue{}, err
	}
	return v, err
}

func (p *Plain) read(ctx context.Context, key string) (TimedValue, error) {
	if err := ctx.Err(); err != nil {
		return TimedValue{}, err
	}
	stored, err := p.storage.GetWithContext(ctx, key)
	if err != nil {
		return TimedValue{}, err
	}
	return DecodeTimed(stored), nil
}

func (p *Plain) write(ctx context.Context, key string, v TimedValue) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.storage.SetWithContext(ctx, key, v.Encode(), atLeastASecond(time.Until(v.ExpiresAt)))
}

// lock locks a key in this process.
func (p *Plain) lock(key string) (unlock func()) {
	mu := &p.stripes[maphash.String(p.seed, key)%stripes]
	mu.Lock()
	return mu.Unlock
}
