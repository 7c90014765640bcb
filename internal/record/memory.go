package record

import (
	"bytes"
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"time"
)

// memoryShards is the number of parts into which the entries are divided, with a lock for each. A
// caller that waits for a lock may have to wait until its goroutine is scheduled again, so waiting
// should be rare.
const memoryShards = 256

// Memory is a Backend in the memory of this process. It has no goroutines, so it works in virtual time
// and needs no Close. Its content is lost when the process exits.
type Memory struct {
	*locks
	*memoryLists
	seed   maphash.Seed
	shards [memoryShards]memoryShard // by hash of the key
}

// memoryShard is a part of the entries. Each call examines only a few of them, so that readers never
// wait long.
type memoryShard struct {
	mu      sync.Mutex // guards the entries
	entries expiring[string, []byte]
}

type memoryEntry = expiringEntry[string, []byte]

// NewMemory returns an empty Memory.
func NewMemory() *Memory {
	return &Memory{locks: newLocks(), memoryLists: newMemoryLists(), seed: maphash.MakeSeed()}
}

// locked locks a key's shard and returns its entries.
func (m *Memory) locked(key string) (entries *expiring[string, []byte], unlock *sync.Mutex) {
	shard := &m.shards[maphash.String(m.seed, key)%memoryShards]
	shard.mu.Lock()
	return &shard.entries, &shard.mu
}

// Get implements [Backend]. It returns the stored slice, which is replaced and never changed. A
// copy would double the bytes that a request allocates to read its session.
func (m *Memory) Get(_ context.Context, key string) ([]byte, error) {
	entries, mu := m.locked(key)
	defer mu.Unlock()
	if e := entries.get(key); e != nil {
		return e.value, nil
	}
	return nil, nil
}

// Set implements [Backend].
func (m *Memory) Set(_ context.Context, key string, value []byte, ttl time.Duration) error {
	e := &memoryEntry{key: key, value: ownCopy(value), expiresAt: time.Now().Add(ttl)}
	entries, mu := m.locked(key)
	defer mu.Unlock()
	entries.put(e)
	return nil
}

// Begin implements [Backend].
func (m *Memory) Begin(ctx context.Context, p *BeginParams) (BeginResult, error) {
	return beginOn(ctx, m, p)
}

// Swap implements [Backend]. The key's TTL does not change.
func (m *Memory) Swap(_ context.Context, key string, old, value []byte, _ time.Duration) (bool, error) {
	value = ownCopy(value)
	entries, mu := m.locked(key)
	defer mu.Unlock()
	e := entries.get(key)
	if e == nil || !bytes.Equal(e.value, old) {
		return false, nil
	}
	e.value = value
	return true, nil
}

// Touch implements [Backend].
func (m *Memory) Touch(_ context.Context, ttl time.Duration, keys ...string) error {
	for _, key := range keys {
		m.touch(key, ttl)
	}
	return nil
}

func (m *Memory) touch(key string, ttl time.Duration) {
	entries, mu := m.locked(key)
	defer mu.Unlock()
	if e := entries.get(key); e != nil {
		e.expiresAt = time.Now().Add(ttl)
	}
}

// Delete implements [Backend].
func (m *Memory) Delete(_ context.Context, keys ...string) error {
	for _, key := range keys {
		m.remove(key)
	}
	return nil
}

func (m *Memory) remove(key string) {
	entries, mu := m.locked(key)
	defer mu.Unlock()
	if e := entries.get(key); e != nil {
		entries.remove(e)
	}
}

// TTL implements [Backend].
func (m *Memory) TTL(_ context.Context, key string) (time.Duration, error) {
	entries, mu := m.locked(key)
	defer mu.Unlock()
	if e := entries.get(key); e != nil {
		return time.Until(e.expiresAt), nil
	}
	return 0, nil
}

// Claim implements [Backend].
func (m *Memory) Claim(_ context.Context, key, value string, ttl time.Duration) (bool, error) {
	e := &memoryEntry{key: key, value: []byte(value), expiresAt: time.Now().Add(ttl)}
	entries, mu := m.locked(key)
	defer mu.Unlock()
	if present := entries.get(key); present != nil {
		return string(present.value) == value, nil
	}
	entries.put(e)
	return true, nil
}

// Len returns the number of entries, including expired ones that were not removed yet.
func (m *Memory) Len() (n int) {
	for i := range m.shards {
		shard := &m.shards[i]
		shard.mu.Lock()
		n += shard.entries.len()
		shard.mu.Unlock()
	}
	return n
}

// ownCopy returns a copy without spare capacity.
func ownCopy(value []byte) []byte { return slices.Clip(bytes.Clone(value)) }
