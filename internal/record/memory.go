package record

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"
)

// Memory is a Backend in this process. It has no goroutines, so that it works in virtual time
// and needs no Close. Its content is lost when the process exits.
type Memory struct {
	*locks
	*memoryLists
	mu      sync.Mutex // guards the fields below
	entries map[string]memoryEntry
	sweeps  sweeps
}

type memoryEntry struct {
	value     []byte
	expiresAt time.Time
}

// NewMemory makes an empty Memory.
func NewMemory() *Memory {
	return &Memory{locks: newLocks(), memoryLists: newMemoryLists(), entries: make(map[string]memoryEntry)}
}

// Get implements [Backend]. It returns the stored slice, which is replaced and never changed. A
// copy would double the bytes that a request allocates to read its session.
func (m *Memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, _ := m.live(key)
	return e.value, nil
}

// Set implements [Backend].
func (m *Memory) Set(_ context.Context, key string, value []byte, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.write(key, value, time.Now().Add(ttl))
	return nil
}

// Begin implements [Backend].
func (m *Memory) Begin(ctx context.Context, p *BeginParams) (BeginResult, error) {
	return beginOn(ctx, m, p)
}

// Swap implements [Backend]. The key's TTL does not change.
func (m *Memory) Swap(_ context.Context, key string, old, value []byte, _ time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.live(key)
	if !ok || !bytes.Equal(e.value, old) {
		return false, nil
	}
	m.write(key, value, e.expiresAt)
	return true, nil
}

// Touch implements [Backend].
func (m *Memory) Touch(_ context.Context, ttl time.Duration, keys ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range keys {
		if e, ok := m.live(key); ok {
			m.entries[key] = memoryEntry{e.value, time.Now().Add(ttl)}
		}
	}
	return nil
}

// Delete implements [Backend].
func (m *Memory) Delete(_ context.Context, keys ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range keys {
		delete(m.entries, key)
	}
	return nil
}

// TTL implements [Backend].
func (m *Memory) TTL(_ context.Context, key string) (time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.live(key); ok {
		return time.Until(e.expiresAt), nil
	}
	return 0, nil
}

// Claim implements [Backend].
func (m *Memory) Claim(_ context.Context, key, value string, ttl time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.live(key); ok {
		return bytes.Equal(e.value, []byte(value)), nil
	}
	m.write(key, []byte(value), time.Now().Add(ttl))
	return true, nil
}

// live returns an entry that has not expired.
func (m *Memory) live(key string) (memoryEntry, bool) {
	e, ok := m.entries[key]
	if ok && !time.Now().Before(e.expiresAt) {
		delete(m.entries, key)
		return memoryEntry{}, false
	}
	return e, ok
}

func (m *Memory) write(key string, value []byte, expiresAt time.Time) {
	m.entries[key] = memoryEntry{slices.Clip(bytes.Clone(value)), expiresAt}
	if !m.sweeps.wrote(1) {
		return
	}
	now := time.Now()
	for k, e := range m.entries {
		if !now.Before(e.expiresAt) {
			delete(m.entries, k)
		}
	}
	m.sweeps.done(len(m.entries))
}

// Len returns the number of entries, including expired ones that were not removed yet.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}
