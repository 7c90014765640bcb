package token

import "sync"

// collisions counts for each session the writes that retry because others were faster. While there
// are any, further ones wait for their turn at once: if each tried first, one that retries might
// never be the fastest.
type collisions struct {
	mu       sync.Mutex
	retrying map[string]int
}

func newCollisions() *collisions { return &collisions{retrying: make(map[string]int)} }

// begin counts a write until it ends.
func (c *collisions) begin(id string) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retrying[id]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.retrying[id]--; c.retrying[id] == 0 {
			delete(c.retrying, id)
		}
	}
}

// any reports whether a write of a session retries.
func (c *collisions) any(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.retrying[id] > 0
}
