package record

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// maxBatch limits how many operations share a round trip, and therefore how long the first of them
	// waits for the last.
	maxBatch = 256
	// tripsPerLatency is how many round trips may begin within the duration of one round trip to a
	// distant server. An operation waits for the next one, so a larger number saves time, and a smaller
	// number saves connections and processor time.
	tripsPerLatency = 8
)

// trips manages the round trips to one server. Concurrent reads share a round trip, so that the socket
// is used once instead of once per read, which is most of the cost of a signed-in request.
//
// While there are few reads, each begins its own round trip. When there are as many active round trips
// as keep the processors busy, further reads wait for one to end and then share the next one. If Redis
// is distant, sharing begins when half of the connections are in use, and a read waits for at most an
// eighth of a round trip. If a reply reaches the wrong caller, it does not open there (threat G6).
//
// Touches share the round trips of reads, because after a restart the first request of each session
// touches it, and each touch would otherwise need a connection.
//
// It is safe for concurrent use.
type trips struct {
	client    redis.UniversalClient
	deadlines *deadlines // for a caller's wait and for a round trip
	// limit is how many connections may be used, so that some are left for writes. A round trip beyond
	// the size of the pool would wait for a connection and time out (trap R5).
	limit int

	mu        sync.Mutex
	active    int
	unshared  int // how many round trips keep the processors busy
	latency   latency
	lastBegan time.Time
	waiting   []*operation
	timer     *time.Timer // begins a round trip for the waiting operations
	scheduled bool        // the timer is set
}

// operation is one caller's part of a round trip. When done is closed, the operation is done and err is set.
type operation struct {
	commands interface {
		queue(context.Context, redis.Pipeliner)
		collect(tripErr error) error // reads the replies
	}
	done chan struct{}
	err  error
}

// get returns nil for an absent key.
func (t *trips) get(ctx context.Context, key string) ([]byte, error) {
	_, shared := ctx.(deadlineContext)
	endless := shared || ctx.Done() == nil // only the time limit of all operations applies
	t.mu.Lock()
	if endless && len(t.waiting) == 0 && t.tryBegin() {
		t.mu.Unlock()
		var err error
		defer t.end(time.Now(), &err)
		var value []byte
		value, err = valueOf(t.client.Get(ctx, key))
		return value, err
	}
	r := &read{key: key}
	r.commands = r
	if err := t.await(ctx, &r.operation); err != nil {
		return nil, err // the operation may still be in progress
	}
	return r.value, r.err
}

// read is the operation of get. It is a single allocation, because every signed-in request creates one.
type read struct {
	operation
	key   string
	reply *redis.StringCmd
	value []byte
}

func (r *read) queue(ctx context.Context, p redis.Pipeliner) { r.reply = p.Get(ctx, r.key) }

// collect returns the error of the round trip if there is no reply. go-redis returns no error for the
// commands of a pipeline that got no connection (trap R4), which must not be mistaken for an absent
// session. Stored values are never empty (threat E10).
func (r *read) collect(tripErr error) (err error) {
	r.value, err = valueOf(r.reply)
	if err == nil && r.reply.Err() == nil && len(r.value) == 0 {
		err = tripErr
	}
	return err
}

// touch sets the TTL of the keys that exist.
func (t *trips) touch(ctx context.Context, ttl time.Duration, keys []string) error {
	op := &operation{commands: &touch{ttl: ttl, keys: keys}}
	t.mu.Lock()
	if err := t.await(ctx, op); err != nil {
		return err
	}
	return op.err
}

type touch struct {
	ttl     time.Duration
	keys    []string
	replies []*redis.BoolCmd
}

func (t *touch) queue(ctx context.Context, p redis.Pipeliner) {
	for _, key := range t.keys {
		t.replies = append(t.replies, p.PExpire(ctx, key, t.ttl))
	}
}

// collect is like that of read.
func (t *touch) collect(tripErr error) error {
	for _, reply := range t.replies {
		if reply.Err() != nil {
			return reply.Err()
		}
	}
	if !slices.ContainsFunc(t.replies, func(r *redis.BoolCmd) bool { return r.Val() }) {
		return tripErr
	}
	return nil
}

// await adds an operation to the next round trip, and waits until it is done or the caller's
// context ends. The caller holds the mutex, and await unlocks it.
func (t *trips) await(ctx context.Context, op *operation) error {
	op.done = make(chan struct{})
	t.waiting = append(t.waiting, op)
	t.beginOrSchedule() //nolint:contextcheck // go-redis would close the connection of a caller who gives up
	t.mu.Unlock()
	ctx, cancel := t.deadlines.bound(ctx)
	defer cancel()
	select {
	case <-op.done:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.waiting, op); i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
	return ctx.Err() // not the cause, because the breaker compares this error
}

// tryBegin counts a round trip and returns true if one may begin now. The caller holds the
// mutex.
func (t *trips) tryBegin() bool {
	if t.active >= t.limit {
		return false
	}
	now, unshared := time.Now(), t.unshared
	if t.latency.isDistant() {
		unshared = max(unshared, t.limit/2)
	}
	if t.active >= unshared && (!t.latency.isDistant() || now.Sub(t.lastBegan) < t.latency.trip/tripsPerLatency) {
		return false
	}
	t.active++
	t.lastBegan = now
	return true
}

// beginOrSchedule begins a round trip for the waiting operations now, or schedules it for as soon as
// one may begin. The end of an active round trip also begins it. The caller holds the mutex.
func (t *trips) beginOrSchedule() {
	if t.tryBegin() {
		t.sendOrStop()
		return
	}
	if t.scheduled || t.active >= t.limit || !t.latency.isDistant() {
		return
	}
	t.scheduled = true
	wait := time.Until(t.lastBegan.Add(t.latency.trip / tripsPerLatency))
	if t.timer == nil {
		t.timer = time.AfterFunc(wait, t.onTimer)
	} else {
		t.timer.Reset(wait)
	}
}

func (t *trips) onTimer() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.scheduled = false
	if len(t.waiting) > 0 {
		t.beginOrSchedule()
	}
}

// end ends a round trip and begins the next one if operations are waiting. A round trip without a reply
// is not measured.
func (t *trips) end(began time.Time, err *error) {
	took, processors := time.Since(began), runtime.GOMAXPROCS(0)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unshared = processors
	if *err == nil || isReply(*err) {
		t.latency.add(took)
	}
	t.sendOrStop()
}

// sendOrStop sends the waiting operations in a round trip that has already been counted. If there are
// none, it uncounts the round trip. The caller holds the mutex.
func (t *trips) sendOrStop() {
	n := min(len(t.waiting), maxBatch)
	if n == 0 {
		t.active--
		return
	}
	t.lastBegan = time.Now()
	batch := slices.Clone(t.waiting[:n])
	t.waiting = slices.Delete(t.waiting, 0, n)
	go t.run(batch)
	if len(t.waiting) > 0 {
		t.beginOrSchedule()
	}
}

// run makes a round trip for a batch. It does not use the context of a caller, because the end of one
// caller must not affect the others, and a request's context must not be used after the request (trap
// T13).
func (t *trips) run(batch []*operation) {
	var err error
	defer t.end(time.Now(), &err)
	err = t.send(batch)
	if errors.Is(err, redis.Nil) {
		err = nil // a key was absent
	}
	for _, op := range batch {
		op.err = op.commands.collect(err)
		close(op.done)
	}
}

// send returns the first error. If replies arrived, each operation has its own error.
func (t *trips) send(batch []*operation) (err error) {
	ctx, cancel := t.deadlines.bound(context.Background())
	defer cancel()
	pipeline := t.client.Pipeline()
	for _, op := range batch {
		op.commands.queue(ctx, pipeline)
	}
	defer func() {
		if p := recover(); p != nil { // a panic in a hook of the app's client, from which nothing else would recover here
			err = fmt.Errorf("record: panic: %v", p)
		}
	}()
	_, err = pipeline.Exec(ctx)
	return err
}

func valueOf(reply *redis.StringCmd) ([]byte, error) {
	value, err := reply.Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return value, err
}
