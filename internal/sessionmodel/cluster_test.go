package sessionmodel_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
)

var (
	errRefused   = errors.New("the storage is down")
	errReplyLost = errors.New("the storage's reply was lost")
	errCut       = errors.New("the process has crashed")
)

// lockTTL is how long the lock of a crashed instance is held.
const lockTTL = 15 * time.Second

// cluster is a storage that several instances share, as Redis is. Its operations take time and fail on demand.
type cluster struct {
	memory *record.Memory
	limit  time.Duration // how long sessions live at most
	// created is called with each session that is stored.
	created func(*record.BeginParams)
	// failed is called with each operation that fails.
	failed func()

	mu        sync.Mutex // guards what follows
	random    *rand.Rand // nil: operations take no time
	downUntil time.Time
	readOnly  time.Time        // until then
	wrong     error            // a key that would live for too long
	ends      map[string]int64 // of sessions, by key, in Unix nanoseconds
	ops       int
}

func newCluster(limit time.Duration, random *rand.Rand) *cluster {
	return &cluster{memory: record.NewMemory(), limit: limit, random: random, ends: make(map[string]int64)}
}

// latency returns how long the next operation takes in each direction.
func (c *cluster) latency() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ops++
	if c.random == nil {
		return 0
	}
	return time.Duration(20_000 + c.random.Int64N(1_500_000))
}

// isDown reports whether operations fail that write, or that do not.
func (c *cluster) isDown(writes bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	return now.Before(c.downUntil) || writes && now.Before(c.readOnly)
}

// down makes all operations fail for some time.
func (c *cluster) down(period time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.downUntil = later(c.downUntil, time.Now().Add(period))
}

// freeze makes all operations fail that write.
func (c *cluster) freeze(period time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readOnly = later(c.readOnly, time.Now().Add(period))
}

// checkTTL records a key that would not expire, or a session that would outlive its limit (threats D11,
// E9).
func (c *cluster) checkTTL(key string, ttl time.Duration, isNew bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	isSession := strings.HasSuffix(key, ":s") || strings.HasSuffix(key, ":t")
	end := time.Now().Add(ttl).UnixNano()
	if isNew && isSession {
		c.ends[key] = time.Now().Add(c.limit + time.Second).UnixNano()
	}
	if ttl < time.Second || isSession && end > c.ends[key] {
		c.wrong = fmt.Errorf("%s lives for %v", key, ttl)
	}
}

func (c *cluster) wrongTTL() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wrong
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// connection is a cluster as one instance sees it.
type connection struct {
	*cluster

	cut chan struct{} // closed when the instance has crashed

	guard     sync.Mutex // guards what follows
	awayUntil time.Time  // of a partition
	lose      int        // how many replies
	refuse    int        // how many operations
	failedAt  time.Time
	held      map[*lock]bool
}

// lock is a lock that is held.
type lock struct{ release func() }

func (c *cluster) connect() *connection {
	return &connection{cluster: c, cut: make(chan struct{}), held: make(map[*lock]bool)}
}

// crash makes all operations of the instance fail, without being carried out.
func (c *connection) crash() {
	close(c.cut)
	c.guard.Lock()
	defer c.guard.Unlock()
	for l := range c.held {
		time.AfterFunc(lockTTL, l.release)
	}
}

func (c *connection) isCut() bool {
	select {
	case <-c.cut:
		return true
	default:
		return false
	}
}

// fault returns the fault of the next operation, or nil.
func (c *connection) fault(writes bool) error {
	down := c.isDown(writes)
	c.guard.Lock()
	defer c.guard.Unlock()
	var fault error
	switch {
	case down || time.Now().Before(c.awayUntil):
		fault = errRefused
	case c.refuse > 0:
		c.refuse--
		fault = errRefused
	case c.lose > 0:
		c.lose--
		fault = errReplyLost
	default:
		return nil
	}
	c.failedAt = time.Now()
	return fault
}

// failedSince reports whether an operation has failed since a time.
func (c *connection) failedSince(at time.Time) bool {
	c.guard.Lock()
	defer c.guard.Unlock()
	return c.failedAt.After(at)
}

// inject makes operations of this instance fail.
func (c *connection) inject(change func(*connection)) {
	c.guard.Lock()
	defer c.guard.Unlock()
	change(c)
}

// read carries out an operation that does not write.
func read[T any](ctx context.Context, c *connection, operation func() (T, error)) (T, error) {
	return execute(ctx, c, false, operation)
}

// call carries out an operation that writes.
func call[T any](ctx context.Context, c *connection, operation func() (T, error)) (T, error) {
	return execute(ctx, c, true, operation)
}

// execute carries an operation out, unless it fails before.
func execute[T any](ctx context.Context, c *connection, writes bool, operation func() (T, error)) (result T, err error) {
	latency := c.latency()
	pass(latency)
	if c.isCut() {
		return result, errCut
	}
	fault := c.fault(writes)
	if fault != nil && c.failed != nil {
		c.failed()
	}
	if errors.Is(fault, errRefused) {
		return result, fault
	}
	if result, err = operation(); fault != nil {
		var nothing T
		result, err = nothing, fault
	}
	pass(latency)
	if c.isCut() {
		return result, errCut
	}
	if err == nil {
		err = ctx.Err()
	}
	return result, err
}

func pass(d time.Duration) {
	if d > 0 {
		time.Sleep(d)
	}
}

// do is like call, but for operations without a result.
func do(ctx context.Context, c *connection, operation func() error) error {
	_, err := call(ctx, c, func() (struct{}, error) { return struct{}{}, operation() })
	return err
}
