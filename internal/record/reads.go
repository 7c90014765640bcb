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
	// maxBatch bounds how many reads share a round trip, and so how long the first of them
	// waits for the last.
	maxBatch = 256
	// departures is how many flights leave during one far round trip. A read waits for the
	// next one, so more of them save it time, and fewer save connections and processor time.
	departures = 8
)

// reads lets callers who read at the same time share a round trip to one server: the socket
// is used once instead of once per read, which is most of the cost of a signed-in request.
// While few read, each read leaves by itself. When as many round trips are under way as keep
// the processors busy, further reads wait for one to return and then leave together. If Redis
// is far away, that begins when half of the connections are in use, and reads wait for an
// eighth of a round trip at most. A reply that reaches the
// wrong caller does not open there (threat G6). It is safe for concurrent use.
type reads struct {
	client redis.UniversalClient
	bounds *deadlines // of a caller's wait, and of a round trip
	// limit is how many connections reads may use, which leaves some for writes. A flight
	// beyond the size of the pool would wait for a connection instead of for company, and
	// time out there (trap R5).
	limit int

	mu        sync.Mutex
	flights   int // round trips under way
	near      int // as many as keep the processors busy
	distance  distance
	departed  time.Time // the last flight
	waiting   []*read
	departure *time.Timer // of those that wait, if it is scheduled
	scheduled bool
}

// read is one caller's read. Value and err are set when landed is closed.
type read struct {
	key    string
	landed chan struct{}
	value  []byte
	err    error
}

// get returns nil for an absent key.
func (r *reads) get(ctx context.Context, key string) ([]byte, error) {
	_, shared := ctx.(due)
	endless := shared || ctx.Done() == nil // but for the deadline of all operations
	r.mu.Lock()
	if endless && len(r.waiting) == 0 && r.departs() {
		r.mu.Unlock()
		defer r.land(time.Now())
		return valueOf(r.client.Get(ctx, key))
	}
	me := &read{key: key, landed: make(chan struct{})}
	r.waiting = append(r.waiting, me)
	r.leave() //nolint:contextcheck // go-redis would close the connection of a caller who gives up
	r.mu.Unlock()
	if err := r.await(ctx, me); err != nil {
		return nil, err
	}
	return me.value, me.err
}

// departs reports whether a flight may leave now, and counts it. The lock is held.
func (r *reads) departs() bool {
	if r.flights >= r.limit {
		return false
	}
	now, alone := time.Now(), r.near
	if r.distance.far() {
		alone = max(alone, r.limit/2)
	}
	if r.flights >= alone && (!r.distance.far() || now.Sub(r.departed) < r.distance.trip/departures) {
		return false
	}
	r.flights++
	r.departed = now
	return true
}

// leave has waiting reads leave now or as soon as they may. A flight that lands takes them
// in any case. The lock is held.
func (r *reads) leave() {
	switch {
	case r.departs():
		r.takeOff()
	case r.scheduled || r.flights >= r.limit || !r.distance.far():
	case r.departure == nil:
		r.scheduled, r.departure = true, time.AfterFunc(time.Until(r.departed.Add(r.distance.trip/departures)), r.depart)
	default:
		r.scheduled = true
		r.departure.Reset(time.Until(r.departed.Add(r.distance.trip / departures)))
	}
}

// depart is called when it is time for the reads that wait.
func (r *reads) depart() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scheduled = false
	if len(r.waiting) > 0 {
		r.leave()
	}
}

// await returns when the read has landed, or with an error when the caller's context ends.
// The other reads of the flight go on.
func (r *reads) await(ctx context.Context, me *read) error {
	ctx, done := r.bounds.bounded(ctx)
	defer done()
	select {
	case <-me.landed:
		return nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.waiting, me); i >= 0 {
		r.waiting = slices.Delete(r.waiting, i, i+1)
	}
	return ctx.Err() // not the cause: the breaker compares it
}

// land ends a flight and starts the next one if reads are waiting.
func (r *reads) land(began time.Time) {
	took, near := time.Since(began), runtime.GOMAXPROCS(0)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.near = near
	r.distance.measure(took)
	r.takeOff()
}

// takeOff sends waiting reads together, or ends the flight if there are none. The lock is
// held.
func (r *reads) takeOff() {
	n := min(len(r.waiting), maxBatch)
	if n == 0 {
		r.flights--
		return
	}
	r.departed = time.Now()
	batch := slices.Clone(r.waiting[:n])
	r.waiting = slices.Delete(r.waiting, 0, n)
	go r.fly(batch)
	if len(r.waiting) > 0 {
		r.leave()
	}
}

// fly reads for a whole batch, in no caller's context: a caller's end does not concern the
// others, and nothing of a request outlives it (trap T13).
func (r *reads) fly(batch []*read) {
	defer r.land(time.Now())
	replies := make([]*redis.StringCmd, len(batch))
	err := r.send(batch, replies)
	if errors.Is(err, redis.Nil) {
		err = nil // one was absent
	}
	for i, one := range batch {
		one.value, one.err = valueOf(replies[i])
		// go-redis leaves the commands of a pipeline that got no connection without an error
		// (trap R4). That must not pass for an absent session; no value of ours is empty (E10).
		if one.err == nil && replies[i].Err() == nil && len(one.value) == 0 {
			one.err = err
		}
		close(one.landed)
	}
}

// send returns the first error. Each reply has its own, if it arrived.
func (r *reads) send(batch []*read, replies []*redis.StringCmd) (err error) {
	ctx, done := r.bounds.bounded(context.Background())
	defer done()
	pipeline := r.client.Pipeline()
	for i, one := range batch {
		replies[i] = pipeline.Get(ctx, one.key)
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
