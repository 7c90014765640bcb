package session

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/accesstoken"
	"github.com/fibermsal/fibermsal/internal/mailaddr"
)

// callerPrefix begins the IDs of sessions that stand for access tokens. No stored session has such an
// ID.
const callerPrefix = "token:"

// CallerID returns the ID of the session that stands for an access token.
func CallerID(sum [sha256.Size]byte) string {
	var id [len(callerPrefix) + 2*sha256.Size]byte // on the stack
	hex.Encode(id[copy(id[:], callerPrefix):], sum[:])
	return string(id[:])
}

// NewCaller returns the session that stands for the access token of a client: it has the user and what
// the token says of them, is not stored, and ends with the token.
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

// callerOverhead is the approximate size of a remembered caller beside the claims.
const callerOverhead = 1024

// Keep remembers a session that stands for an access token. If another request has done so meanwhile,
// that one stays, because tokens may be attached to it.
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

// Kept returns a session that Keep remembered, or nil.
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

// Drop forgets a session and what is attached to it.
func (c *Cache) Drop(id string) { c.remove(id) }
