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
	// maxBatch bounds how many operations share a round trip, and so how long the first of
	// them waits for the last.
	maxBatch = 256
	// departures is how many round trips begin during one to a distant server. An operation
	// waits for the next one, so more of them save it time, and fewer save connections and
	// processor time.
	departures = 8
)

// trips lets callers who read at the same time share a round trip to one server: the socket
// is used once instead of once per read, which is most of the cost of a signed-in request.
// While few read, each read leaves by itself. When as many round trips are under way as keep
// the processors busy, further reads wait for one to return and then leave together. If Redis
// is far away, that begins when half of the connections are in use, and reads wait for an
// eighth of a round trip at most. A reply that reaches the wrong caller does not open there
// (threat G6).
//
// Touches travel in the company of reads: after a restart all sessions are touched by their
// first request, which would take a connection each. It is safe for concurrent use.
type trips struct {
	client redis.UniversalClient
	bounds *deadlines // of a caller's wait, and of a round trip
	// limit is how many connections trips may use, which leaves some for other writes. A trip
	// beyond the size of the pool would wait for a connection instead of for company, and
	// time out there (trap R5).
	limit int

	mu        sync.Mutex
	underWay  int
	near      int // as many as keep the processors busy
	distance  distance
	departed  time.Time // the last one
	waiting   []*operation
	departure *time.Timer // of those that wait, if it is scheduled
	scheduled bool
}

// operation is one caller's part of a round trip. Err and what settle keeps are set when done
// is closed.
type operation struct {
	queue  func(context.Context, redis.Pipeliner)
	settle func(tripErr error) error
	done   chan struct{}
	err    error
}

// get returns nil for an absent key.
func (t *trips) get(ctx context.Context, key string) ([]byte, error) {
	_, shared := ctx.(due)
	endless := shared || ctx.Done() == nil // but for the deadline of all operations
	t.mu.Lock()
	if endless && len(t.waiting) == 0 && t.departs() {
		t.mu.Unlock()
		var err error
		defer t.land(time.Now(), &err)
		var value []byte
		value, err = valueOf(t.client.Get(ctx, key))
		return value, err
	}
	var (
		reply *redis.StringCmd
		value []byte // not to be looked at before the operation is done
	)
	me := &operation{
		queue: func(ctx context.Context, p redis.Pipeliner) { reply = p.Get(ctx, key) },
		settle: func(tripErr error) (err error) {
			value, err = valueOf(reply)
			// go-redis leaves the commands of a pipeline that got no connection without an error
			// (trap R4). That must not pass for an absent session; no value of ours is empty (E10).
			if err == nil && reply.Err() == nil && len(value) == 0 {
				err = tripErr
			}
			return err
		},
	}
	if err := t.join(ctx, me); err != nil {
		return nil, err
	}
	return value, me.err
}

// touch lets those of the keys that exist live for ttl.
func (t *trips) touch(ctx context.Context, ttl time.Duration, keys []string) error {
	replies := make([]*redis.BoolCmd, len(keys))
	me := &operation{
		queue: func(ctx context.Context, p redis.Pipeliner) {
			for i, key := range keys {
				replies[i] = p.PExpire(ctx, key, ttl)
			}
		},
		settle: func(tripErr error) error {
			for _, reply := range replies {
				if reply.Err() != nil {
					return reply.Err()
				}
			}
			if !slices.ContainsFunc(replies, func(r *redis.BoolCmd) bool { return r.Val() }) {
				return tripErr // as for get
			}
			return nil
		},
	}
	t.mu.Lock()
	if err := t.join(ctx, me); err != nil {
		return err
	}
	return me.err
}

// join has an operation leave with the next round trip, and waits until it is done or the
// caller's context ends. The lock is held, and released.
func (t *trips) join(ctx context.Context, me *operation) error {
	me.done = make(chan struct{})
	t.waiting = append(t.waiting, me)
	t.leave() //nolint:contextcheck // go-redis would close the connection of a caller who gives up
	t.mu.Unlock()
	ctx, cancel := t.bounds.bounded(ctx)
	defer cancel()
	select {
	case <-me.done:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.waiting, me); i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
	return ctx.Err() // not the cause: the breaker compares it
}

// departs reports whether a round trip may begin now, and counts it. The lock is held.
func (t *trips) departs() bool {
	if t.underWay >= t.limit {
		return false
	}
	now, alone := time.Now(), t.near
	if t.distance.far() {
		alone = max(alone, t.limit/2)
	}
	if t.underWay >= alone && (!t.distance.far() || now.Sub(t.departed) < t.distance.trip/departures) {
		return false
	}
	t.underWay++
	t.departed = now
	return true
}

// leave has waiting operations leave now or as soon as they may. A round trip that returns
// takes them in any case. The lock is held.
func (t *trips) leave() {
	if t.departs() {
		t.takeOff()
		return
	}
	if t.scheduled || t.underWay >= t.limit || !t.distance.far() {
		return
	}
	t.scheduled = true
	wait := time.Until(t.departed.Add(t.distance.trip / departures))
	if t.departure == nil {
		t.departure = time.AfterFunc(wait, t.depart)
	} else {
		t.departure.Reset(wait)
	}
}

// depart is called when it is time for the operations that wait.
func (t *trips) depart() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.scheduled = false
	if len(t.waiting) > 0 {
		t.leave()
	}
}

// land ends a round trip and begins the next one if operations are waiting. One that failed
// on the way says nothing about the distance.
func (t *trips) land(began time.Time, err *error) {
	took, near := time.Since(began), runtime.GOMAXPROCS(0)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.near = near
	if *err == nil || isReply(*err) {
		t.distance.measure(took)
	}
	t.takeOff()
}

// takeOff sends waiting operations together, or ends the round trip if there are none. The
// lock is held.
func (t *trips) takeOff() {
	n := min(len(t.waiting), maxBatch)
	if n == 0 {
		t.underWay--
		return
	}
	t.departed = time.Now()
	batch := slices.Clone(t.waiting[:n])
	t.waiting = slices.Delete(t.waiting, 0, n)
	go t.fly(batch)
	if len(t.waiting) > 0 {
		t.leave()
	}
}

// fly makes a round trip for a whole batch, in no caller's context: a caller's end does not
// concern the others, and nothing of a request outlives it (trap T13).
func (t *trips) fly(batch []*operation) {
	var err error
	defer t.land(time.Now(), &err)
	err = t.send(batch)
	if errors.Is(err, redis.Nil) {
		err = nil // one was absent
	}
	for _, one := range batch {
		one.err = one.settle(err)
		close(one.done)
	}
}

// send returns the first error. Each reply has its own, if it arrived.
func (t *trips) send(batch []*operation) (err error) {
	ctx, done := t.bounds.bounded(context.Background())
	defer done()
	pipeline := t.client.Pipeline()
	for _, one := range batch {
		one.queue(ctx, pipeline)
	}
	defer func() {
		if p := recover(); p != nil { // from a hook of the app's client, past every other recover
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
