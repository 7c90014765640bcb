package session

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/fibermsal/fibermsal/internal/telemetry"
)

// The bounds of the memory of a process.
const (
	maxSessions = 10_000
	maxBytes    = 64 << 20
	// sessionOverhead and attachmentOverhead are the approximate sizes beside the bytes.
	sessionOverhead    = 512
	attachmentOverhead = 256
)

// Cache remembers decoded sessions and what is attached to them, bounded by number and bytes;
// the least recently used sessions are dropped first. It only saves work: every request
// still checks in the storage whether its session exists. It is safe for concurrent use.
type Cache struct {
	mu      sync.Mutex
	lru     *simplelru.LRU[string, *remembered]
	bytes   int
	touched touchTimes // of sessions that were dropped

	hits, misses, evictions atomic.Uint64
}

// remembered is a session and the sealed bytes that it was decoded from. While the storage returns
// the same bytes, they need not be decoded again.
type remembered struct {
	sealed    []byte
	session   *Session
	touchedAt atomic.Int64 // Unix nanoseconds
	rejected  atomic.Bool  // and audited, see Store.accepts

	// Guarded by the cache's lock.
	seenAt      time.Time // in the storage
	attachments map[Attachment]attached
	size        int
}

// Attachment names a value that is remembered with a session: its kind, and which one of
// that kind.
type Attachment struct{ Kind, Name string }

type attached struct {
	value any
	size  int
}

func newCache() *Cache {
	c := new(Cache)
	lru, err := simplelru.NewLRU(maxSessions, func(id string, r *remembered) {
		c.bytes -= r.size
		if r.session.Token == nil {
			c.touched.remember(id, time.Unix(0, r.touchedAt.Load()))
		}
	})
	if err != nil {
		panic(err) // only if maxSessions were not positive
	}
	c.lru = lru
	return c
}

// get returns the session if it was decoded from the same bytes.
func (c *Cache) get(id string, sealed []byte) (*remembered, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.lru.Get(id)
	if ok = ok && bytes.Equal(r.sealed, sealed); ok {
		c.hits.Add(1)
		r.seenAt = time.Now()
		return r, true
	}
	c.misses.Add(1)
	return nil, false
}

func (c *Cache) add(sealed []byte, s *Session) *remembered {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &remembered{sealed: sealed, session: s, size: sessionOverhead + 3*len(sealed), seenAt: time.Now()}
	c.lru.Remove(s.ID)
	touchedAt, ok := c.touched.last(s.ID)
	if !ok {
		touchedAt = s.User.SignedInAt
	}
	r.touchedAt.Store(touchedAt.UnixNano())
	if c.lru.Add(s.ID, r) {
		c.evictions.Add(1)
	}
	c.grow(r.size)
	return r
}

// confirmed returns a session that was in the storage less than age ago, or nil.
func (c *Cache) confirmed(id string, age time.Duration) *remembered {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r, ok := c.lru.Get(id); ok && time.Since(r.seenAt) < age {
		return r
	}
	return nil
}

func (c *Cache) remove(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(id)
}

// Attached returns the value that is attached to a session, or nil.
func (c *Cache) Attached(id string, a Attachment) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r, ok := c.lru.Get(id); ok {
		return r.attachments[a].value
	}
	return nil
}

// Attach replaces the value that is attached to a session by what change returns, with about
// its size in bytes. Values are immutable, because readers share them. If the session is not
// remembered, nothing happens: tokens of a session that has ended must not be kept.
func (c *Cache) Attach(id string, a Attachment, change func(old any) (value any, size int)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.lru.Get(id)
	if !ok {
		return
	}
	old, present := r.attachments[a]
	value, size := change(old.value)
	grown := size - old.size
	if !present {
		grown += attachmentOverhead + len(a.Name)
		a.Name = strings.Clone(a.Name) // it may alias a request's buffer (trap T10)
	}
	if r.attachments == nil {
		r.attachments = make(map[Attachment]attached)
	}
	r.attachments[a] = attached{value, size}
	r.size += grown
	c.grow(grown)
}

// Stats describes the cache.
func (c *Cache) Stats() telemetry.CacheStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return telemetry.CacheStats{
		Entries: c.lru.Len(), Bytes: c.bytes,
		Hits: c.hits.Load(), Misses: c.misses.Load(), Evictions: c.evictions.Load(),
	}
}

// Clear drops all sessions, as if many others had displaced them. It is for tests.
func (c *Cache) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.lru.Len() > 0 {
		c.lru.RemoveOldest()
	}
}

// grow adds to the size and drops sessions that exceed the bounds, except the last used one.
func (c *Cache) grow(size int) {
	c.bytes += size
	for c.bytes > maxBytes && c.lru.Len() > 1 {
		c.lru.RemoveOldest()
		c.evictions.Add(1)
	}
}
