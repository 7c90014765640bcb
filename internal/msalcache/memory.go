package msalcache

import (
	"bytes"
	"context"
	"sync"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
)

// Memory is a Cache in memory, for tokens that are verified before they are stored. It is
// safe for concurrent use, because a hook may request several tokens at once and return
// before they have arrived.
type Memory struct {
	mu      sync.Mutex
	content []byte
}

// NewMemory returns a Memory with content.
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

// client is the cache accessor of an MSAL client that makes a single call and does not share its
// Memory. MSAL asks for the content when the call begins, and again before it adds the new token.
// Because no other client changes the Memory in between, MSAL has to decode it only once. A client is
// not safe for concurrent use; MSAL calls its methods one after the other.
type client struct {
	Accessor

	memory *Memory
	holder cache.Unmarshaler // that has been given held
	held   []byte
}

// ForOneCall returns the accessor of an MSAL client that makes a single call. Nothing else may use the
// Memory during the call.
func ForOneCall(m *Memory) cache.ExportReplace {
	return &client{Accessor: Accessor{cache: m}, memory: m}
}

// Replace implements cache.ExportReplace.
func (c *client) Replace(ctx context.Context, into cache.Unmarshaler, hints cache.ReplaceHints) error {
	content := c.memory.Content()
	if c.holder == into && bytes.Equal(c.held, content) {
		return nil
	}
	err := c.Accessor.Replace(ctx, into, hints)
	if err == nil {
		c.holder, c.held = into, content
	}
	return err
}

// Export implements cache.ExportReplace.
func (c *client) Export(ctx context.Context, from cache.Marshaler, hints cache.ExportHints) error {
	c.holder = nil
	return c.Accessor.Export(ctx, from, hints)
}

// Forgetful is the cache accessor of an MSAL client that keeps nothing from one call to the next.
type Forgetful struct{}

// Replace implements cache.ExportReplace.
func (Forgetful) Replace(_ context.Context, into cache.Unmarshaler, _ cache.ReplaceHints) error {
	return into.Unmarshal(emptyCache)
}

// Export implements cache.ExportReplace.
func (Forgetful) Export(context.Context, cache.Marshaler, cache.ExportHints) error { return nil }
