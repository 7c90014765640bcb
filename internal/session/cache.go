package session

import (
	"bytes"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/fibermsal/fibermsal/internal/telemetry"
)

const (
	// sessionOverhead and attachmentOverhead are the approximate sizes in addition to the sealed bytes
	// and the attached values.
	sessionOverhead    = 768
	attachmentOverhead = 256
)

// Cache contains decoded sessions and values that are attached to them. Its size in bytes is limited;
// the least recently used sessions are evicted first. It only saves work, because every request still
// checks in the storage whether its session exists. It is safe for concurrent use.
type Cache struct {
	limit int // in bytes

	mu      sync.Mutex
	lru     *simplelru.LRU[string, *remembered]
	bytes   int
	touched touchTimes // of sessions that were evicted

	hits, misses, evictions atomic.Uint64
}

// remembered is a session with the sealed bytes from which it was decoded. While the storage returns
// the same bytes, they need not be decoded again.
type remembered struct {
	sealed    []byte
	session   *Session
	touchedAt atomic.Int64 // Unix nanoseconds
	rejected  atomic.Bool  // the rejection was audited, see Store.accepts

	// Guarded by the cache's lock.
	seenAt      time.Time  // when the storage last returned it
	attachments []attached // a few
	size        int
}

// Attachment identifies a value that is attached to a session, by its kind and its name within that
// kind.
type Attachment struct{ Kind, Name string }

type attached struct {
	Attachment

	value any
	size  int
}

// attached returns the slot of an attachment, or nil.
func (r *remembered) attached(a Attachment) *attached {
	for i := range r.attachments {
		if r.attachments[i].Attachment == a {
			return &r.attachments[i]
		}
	}
	return nil
}

// NewCache returns a cache for a Store that takes about limit bytes. It is created before the Store,
// because telemetry observes it.
func NewCache(limit int) *Cache {
	c := &Cache{limit: limit}
	lru, err := simplelru.NewLRU(math.MaxInt, func(_ string, r *remembered) {
		c.bytes -= r.size
	})
	if err != nil {
		panic(err) // happens only if the number is not positive
	}
	c.lru = lru
	return c
}

// get returns the cached session if it was decoded from the same bytes.
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
	r.touchedAt.Store(c.touchedAt(s).UnixNano())
	c.lru.Remove(s.ID)
	c.lru.Add(s.ID, r)
	c.grow(r.size)
	return r
}

// touchedAt returns when a session was last extended, as far as that is known.
func (c *Cache) touchedAt(s *Session) time.Time {
	if r, ok := c.lru.Peek(s.ID); ok {
		return time.Unix(0, r.touchedAt.Load())
	}
	if at, ok := c.touched.last(s.ID); ok {
		return at
	}
	return s.User.SignedInAt
}

// confirmed returns a session that the storage returned less than age ago, or nil.
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
	r, ok := c.lru.Get(id)
	if !ok {
		return nil
	}
	if place := r.attached(a); place != nil {
		return place.value
	}
	return nil
}

// Attach replaces the value that is attached to a session with the one that change returns together
// with its approximate size in bytes. Values must be immutable, because readers share them. If the
// session is not in the cache, nothing happens, because tokens of a session that has ended must not be
// kept.
func (c *Cache) Attach(id string, a Attachment, change func(old any) (value any, size int)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.lru.Get(id)
	if !ok {
		return
	}
	grown := 0
	place := r.attached(a)
	if place == nil {
		grown = attachmentOverhead + len(a.Name)
		a.Name = strings.Clone(a.Name) // it may alias a request's buffer (trap T10)
		r.attachments = append(r.attachments, attached{Attachment: a})
		place = &r.attachments[len(r.attachments)-1]
	}
	value, size := change(place.value)
	grown += size - place.size
	place.value, place.size = value, size
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

// Clear removes all sessions, as if many others had displaced them. It is for tests.
func (c *Cache) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.lru.Len() > 0 {
		c.evict()
	}
}

// grow adds to the size and evicts sessions until the size is within the limit, except the most
// recently used session.
func (c *Cache) grow(size int) {
	c.bytes += size
	for c.bytes > c.limit && c.lru.Len() > 1 {
		c.evict()
		c.evictions.Add(1)
	}
}

// evict removes the least recently used session, and remembers when it was extended.
func (c *Cache) evict() {
	if id, r, ok := c.lru.RemoveOldest(); ok && r.session.Token == nil {
		c.touched.remember(id, time.Unix(0, r.touchedAt.Load()))
	}
}
