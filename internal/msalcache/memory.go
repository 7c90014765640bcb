package msalcache

import (
	"context"
	"sync"
)

// Memory is a Cache in memory, for tokens that are verified before they are stored. It is
// safe for concurrent use, because a hook may request several tokens at once and return
// before they have arrived.
type Memory struct {
	mu      sync.Mutex
	content []byte
}

// NewMemory makes a Memory with content.
func NewMemory(content []byte) *Memory { return &Memory{content: content} }

// Load implements Cache.
func (m *Memory) Load(context.Context) (content, version []byte, err error) {
	return m.Content(), nil, nil
}

// Swap implements Cache.
func (m *Memory) Swap(_ context.Context, _, content []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.content = content
	return nil
}

// Content returns the content, which must not be changed.
func (m *Memory) Content() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.content
}
