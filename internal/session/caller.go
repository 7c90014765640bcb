package session

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/accesstoken"
	"github.com/fibermsal/fibermsal/internal/mailaddr"
)

// callerPrefix is the prefix of the IDs of sessions that stand for access tokens. Stored sessions never
// have such IDs.
const callerPrefix = "token:"

// CallerID returns the ID of the session that stands for an access token.
func CallerID(sum [sha256.Size]byte) string {
	var id [len(callerPrefix) + 2*sha256.Size]byte // on the stack
	hex.Encode(id[copy(id[:], callerPrefix):], sum[:])
	return string(id[:])
}

// NewCaller returns the session that stands for the access token of a client. It contains the user and
// the claims of the token, is never stored, and ends when the token expires.
func NewCaller(id string, c *accesstoken.Claims) *Session {
	mail, _ := mailaddr.Normalize(c.Email)
	expires := time.Unix(c.Expiry, 0)
	s := &Session{
		ID: id, Token: c,
		User: Identity{
			TenantID: c.TenantID, ID: c.ObjectID, Subject: c.Subject,
			Name: c.Name, Username: c.Username, Mail: mail, Roles: c.Roles,
			SignedInAt: time.Unix(c.IssuedAt, 0), ExpiresAt: expires,
			ClientID: c.ClientID, AppOnly: c.AppOnly, Agent: c.IsAgent(),
		},
		Account: c.ObjectID + "." + c.TenantID, Scopes: c.Scopes,
		Groups: c.Groups, GroupsElsewhere: c.GroupsElsewhere,
		AuthContexts: make(map[string]time.Time, len(c.AuthContexts)),
	}
	if c.AuthenticatedAt > 0 {
		s.AuthenticatedAt = time.Unix(c.AuthenticatedAt, 0)
	}
	for _, id := range c.AuthContexts {
		s.AuthContexts[strings.ToLower(id)] = expires
	}
	return s
}

// callerOverhead is the approximate size of a cached caller in addition to the claims.
const callerOverhead = 1024

// Keep adds a session that stands for an access token. If another request has added it in the meantime,
// that session is kept, because tokens may be attached to it.
func (c *Cache) Keep(s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lru.Contains(s.ID) {
		return
	}
	r := &remembered{session: s, size: callerOverhead + s.Token.Size()}
	c.lru.Add(s.ID, r)
	c.grow(r.size)
}

// Kept returns a session that Keep has added, or nil.
func (c *Cache) Kept(id string) *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r, ok := c.lru.Get(id); ok {
		c.hits.Add(1)
		return r.session
	}
	c.misses.Add(1)
	return nil
}

// Drop removes a session and the values that are attached to it.
func (c *Cache) Drop(id string) { c.remove(id) }
