package record

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"
)

// Memory is a Backend in this process. It has no goroutines, so that it works
// in virtual time and has nothing to close; it forgets everything at exit.
type Memory struct {
	*locks
	*memoryLists
	mu      sync.Mutex // of what follows
	entries map[string]memoryEntry
	due     sweeping
}

type memoryEntry struct {
	value []byte
	until time.Time
}

// NewMemory makes an empty Memory.
func NewMemory() *Memory {
	return &Memory{locks: newLocks(), memoryLists: newMemoryLists(), entries: make(map[string]memoryEntry)}
}

// Get implements [Backend]. It hands out what it holds, which is replaced and never
// changed: a session is read by every request, and is as long as all else of it.
func (m *Memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, _ := m.alive(key)
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
func (m *Memory) Begin(ctx context.Context, b *Beginning) (Begun, error) {
	return beginOn(ctx, m, b)
}

// Swap implements [Backend]; the key's life does not change.
func (m *Memory) Swap(_ context.Context, key string, old, value []byte, _ time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.alive(key)
	if !ok || !bytes.Equal(e.value, old) {
		return false, nil
	}
	m.write(key, value, e.until)
	return true, nil
}

// Touch implements [Backend].
func (m *Memory) Touch(_ context.Context, ttl time.Duration, keys ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range keys {
		if e, ok := m.alive(key); ok {
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

// Life implements [Backend].
func (m *Memory) Life(_ context.Context, key string) (time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.alive(key); ok {
		return time.Until(e.until), nil
	}
	return 0, nil
}

// Claim implements [Backend].
func (m *Memory) Claim(_ context.Context, key, value string, ttl time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.alive(key); ok {
		return bytes.Equal(e.value, []byte(value)), nil
	}
	m.write(key, []byte(value), time.Now().Add(ttl))
	return true, nil
}

func (m *Memory) alive(key string) (memoryEntry, bool) {
	e, ok := m.entries[key]
	if ok && !time.Now().Before(e.until) {
		delete(m.entries, key)
		return memoryEntry{}, false
	}
	return e, ok
}

func (m *Memory) write(key string, value []byte, until time.Time) {
	m.entries[key] = memoryEntry{slices.Clip(bytes.Clone(value)), until}
	if !m.due.written(1) {
		return
	}
	now := time.Now()
	for k, e := range m.entries {
		if !now.Before(e.until) {
			delete(m.entries, k)
		}
	}
	m.due.swept(len(m.entries))
}

// Len is how many entries there are, expired ones that nobody met included.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}
