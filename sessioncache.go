package fibermsal

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Bounds of what a process remembers of sessions.
const (
	maxSessions     = 10_000
	maxSessionBytes = 64 << 20
	// sessionOverhead and tokenOverhead are about what they occupy beside their bytes.
	sessionOverhead = 512
	tokenOverhead   = 256
)

// sessionCache remembers decoded sessions and their access tokens, bounded by number
// and bytes, the least recently used first to go. It only saves work: whether a
// session exists, the storage says at every request. It is safe for concurrent use.
type sessionCache struct {
	mu      sync.Mutex
	lru     *simplelru.LRU[string, *rememberedSession]
	bytes   int
	touched touchTimes // of sessions that went

	hits, misses, evictions atomic.Uint64
}

// rememberedSession is a session beside the sealed bytes it was decoded from: while
// the storage returns the same bytes, decoding them again would give the same.
type rememberedSession struct {
	box       []byte
	session   *session
	touchedAt atomic.Int64 // Unix nanoseconds
	refused   atomic.Bool  // which was audited
	seenAt    time.Time    // in the storage; guarded by the cache's lock

	// Guarded by the cache's lock.
	tokens  map[string]rememberedToken
	members map[string]membership // by the groups asked about
	size    int
}

// membership is whether a user is in one of some groups.
type membership struct {
	member bool
	until  time.Time
}

// maxMemberships bounds the sets of groups that are remembered of a session.
const maxMemberships = 64

// rememberedToken is what is known of a session's token for some scopes: the token,
// and why there will be no other for a while.
type rememberedToken struct {
	token     azcore.AccessToken
	renewAt   time.Time
	refused   *Error
	refusedTo time.Time
	refusedOf []byte // the version of the record whose refresh token it was

	replacedAt time.Time // because an API refused it
	replaced   string    // the token that was
}

func newSessionCache() (*sessionCache, error) {
	c := new(sessionCache)
	var err error
	c.lru, err = simplelru.NewLRU(maxSessions, func(recordName string, r *rememberedSession) {
		c.bytes -= r.size
		c.touched.remember(recordName, time.Unix(0, r.touchedAt.Load()))
	})
	return c, err
}

// get returns the session that was decoded from these very bytes.
func (c *sessionCache) get(recordName string, box []byte) (*rememberedSession, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.lru.Get(recordName)
	if ok = ok && bytes.Equal(r.box, box); ok {
		c.hits.Add(1)
		r.seenAt = time.Now()
		return r, true
	}
	c.misses.Add(1)
	return nil, false
}

func (c *sessionCache) add(box []byte, s *session) *rememberedSession {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &rememberedSession{box: box, session: s, size: sessionOverhead + 3*len(box), seenAt: time.Now()}
	c.lru.Remove(s.recordName)
	touchedAt, known := c.touched.last(s.recordName)
	if !known {
		touchedAt = s.User.SignedInAt
	}
	r.touchedAt.Store(touchedAt.UnixNano())
	if c.lru.Add(s.recordName, r) {
		c.evictions.Add(1)
	}
	c.grow(r.size)
	return r
}

// confirmed returns a session that was in the storage less than age ago.
func (c *sessionCache) confirmed(recordName string, age time.Duration) *rememberedSession {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r, ok := c.lru.Get(recordName); ok && time.Since(r.seenAt) < age {
		return r
	}
	return nil
}

func (c *sessionCache) remove(recordName string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(recordName)
}

// token returns what is known of a token.
func (c *sessionCache) token(recordName, scopes string) rememberedToken {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r, ok := c.lru.Get(recordName); ok {
		return r.tokens[scopes]
	}
	return rememberedToken{}
}

// update changes what is known of a token, if the session is remembered at all.
func (c *sessionCache) update(recordName, scopes string, change func(*rememberedToken)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.lru.Get(recordName)
	if !ok {
		return
	}
	t, present := r.tokens[scopes]
	size := -len(t.token.Token)
	change(&t)
	size += len(t.token.Token)
	if !present {
		size += tokenOverhead + len(scopes)
		scopes = strings.Clone(scopes)
	}
	if r.tokens == nil {
		r.tokens = make(map[string]rememberedToken)
	}
	r.tokens[scopes] = t
	r.size += size
	c.grow(size)
}

// membership returns what is remembered of a user's being in one of some groups.
func (c *sessionCache) membership(recordName, groups string) (member, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.lru.Get(recordName)
	if !ok {
		return false, false
	}
	m, ok := r.members[groups]
	return m.member, ok && time.Now().Before(m.until)
}

func (c *sessionCache) remember(recordName, groups string, member bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.lru.Get(recordName)
	if !ok {
		return
	}
	if _, present := r.members[groups]; !present {
		if len(r.members) >= maxMemberships && c.forget(r) == 0 {
			return
		}
		r.size += tokenOverhead + len(groups)
		c.grow(tokenOverhead + len(groups))
	}
	if r.members == nil {
		r.members = make(map[string]membership)
	}
	r.members[strings.Clone(groups)] = membership{member, time.Now().Add(groupsFor)}
}

// forget drops the memberships of a session that count no longer. The lock is held.
func (c *sessionCache) forget(r *rememberedSession) (dropped int) {
	now := time.Now()
	for groups, m := range r.members {
		if now.Before(m.until) {
			continue
		}
		delete(r.members, groups)
		r.size -= tokenOverhead + len(groups)
		c.bytes -= tokenOverhead + len(groups)
		dropped++
	}
	return dropped
}

// occupied are the sessions that are remembered, and about what they occupy.
func (c *sessionCache) occupied() (entries, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Len(), c.bytes
}

// grow makes room, but never for the session that was used last.
func (c *sessionCache) grow(size int) {
	c.bytes += size
	for c.bytes > maxSessionBytes && c.lru.Len() > 1 {
		c.lru.RemoveOldest()
		c.evictions.Add(1)
	}
}
