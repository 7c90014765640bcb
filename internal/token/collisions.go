package token

import "sync"

// collisions counts, for each session, the writes that are being retried because other writes were
// faster. While there are any, further writes immediately wait for their turn; if each of them tried
// once without waiting, a retrying write might never succeed.
type collisions struct {
	mu       sync.Mutex
	retrying map[string]int
}

func newCollisions() *collisions { return &collisions{retrying: make(map[string]int)} }

// begin counts a retrying write until end is called.
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

// any reports whether a write of a session is being retried.
func (c *collisions) any(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.retrying[id] > 0
}
