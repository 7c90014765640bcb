package accesstoken

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// maxGeneration is how many tokens half of the cache remembers. One takes about a kilobyte.
const maxGeneration = 5000

// Cache verifies tokens and remembers those that it has accepted, because checking a signature takes
// most of the time of a call. It is safe for concurrent use.
type Cache struct {
	verifier *Verifier

	mu sync.RWMutex
	// When the young generation is full, it becomes the old one, which is forgotten.
	young, old map[[sha256.Size]byte]*Claims
}

// NewCache makes a cache in front of a verifier.
func NewCache(v *Verifier) *Cache {
	return &Cache{verifier: v, young: make(map[[sha256.Size]byte]*Claims)}
}

// Verify does what [Verifier.Verify] does. The tokens themselves are not kept.
func (c *Cache) Verify(ctx context.Context, raw string) (*Claims, error) {
	id := sha256.Sum256([]byte(raw))
	if claims := c.remembered(id); claims != nil {
		if err := c.verifier.checkTime(claims, time.Now()); err != nil {
			return nil, err
		}
		return claims, nil
	}
	claims, err := c.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	c.remember(id, claims)
	return claims, nil
}

func (c *Cache) remembered(id [sha256.Size]byte) *Claims {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if claims, ok := c.young[id]; ok {
		return claims
	}
	return c.old[id]
}

func (c *Cache) remember(id [sha256.Size]byte, claims *Claims) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= maxGeneration {
		c.young, c.old = make(map[[sha256.Size]byte]*Claims), c.young
	}
	c.young[id] = claims
}
