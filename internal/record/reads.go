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
	// maxBatch bounds how many reads go out together, and so how long the first of them
	// waits for the last.
	maxBatch = 64
	// minFlights keeps one connection that is stuck from holding everybody up.
	minFlights = 2
	// nearTrip is what a round trip takes whose time is mostly work, of this machine and of
	// Redis. Of a longer one the rest is a network's, and spent waiting.
	nearTrip = 250 * time.Microsecond
	// maxFlights is how many may be under way to a Redis however far away.
	maxFlights = 1024
)

// reads lets callers who read at the same time share a round trip. As long as few do, each
// goes by itself. When as many are under way as keep the processors busy, the next wait for
// one to come back, and then go together: that costs the socket once instead of once for
// each, which is most of what a signed-in request costs. A reply that went to the wrong
// caller would not open there (threat G6). It is safe for concurrent use.
type reads struct {
	client redis.UniversalClient
	bounds *deadlines // of who waits, and with who flies

	mu      sync.Mutex
	flights int // under way
	trip    time.Duration
	waiting []*read
}

func newReads(client redis.UniversalClient, bounds *deadlines) *reads {
	return &reads{client: client, bounds: bounds, trip: nearTrip}
}

// most is how many may be under way. The lock is held.
func (r *reads) most() int {
	near := max(minFlights, runtime.GOMAXPROCS(0))
	return min(near*int(max(1, r.trip/nearTrip)), maxFlights)
}

// read is one that waits. What it brought may be looked at once it has landed.
type read struct {
	key    string
	landed chan struct{}
	value  []byte
	err    error
}

// get returns nil for an absent key.
func (r *reads) get(ctx context.Context, key string) ([]byte, error) {
	r.mu.Lock()
	if r.flights < r.most() {
		r.flights++
		r.mu.Unlock()
		defer r.land(time.Now()) //nolint:contextcheck // who flies next has nothing to do with this caller
		return valueOf(r.client.Get(ctx, key))
	}
	me := &read{key: key, landed: make(chan struct{})}
	r.waiting = append(r.waiting, me)
	r.mu.Unlock()
	if err := r.await(ctx, me); err != nil {
		return nil, err
	}
	return me.value, me.err
}

// await returns when the read has landed, or with an error if its caller is tired of
// waiting. The others do not notice.
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
	return ctx.Err() // what the breaker knows, whatever the cause
}

// land makes room, and has the next fly, if any wait. How far away Redis is, the shortest
// trip of late tells best: others were held up by work.
func (r *reads) land(began time.Time) {
	took := time.Since(began)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trip = min(took, r.trip+r.trip/64+time.Microsecond)
	n := min(len(r.waiting), maxBatch)
	if n == 0 {
		r.flights--
		return
	}
	batch := slices.Clone(r.waiting[:n])
	r.waiting = slices.Delete(r.waiting, 0, n)
	go r.fly(batch)
}

// fly reads for all of a batch, and on behalf of none of them: no caller's end is that of
// the others, and nothing of a request outlives it (trap T13).
func (r *reads) fly(batch []*read) {
	defer r.land(time.Now())
	replies := make([]*redis.StringCmd, len(batch))
	err := r.send(batch, replies)
	if errors.Is(err, redis.Nil) {
		err = nil // one was absent
	}
	for i, one := range batch {
		one.value, one.err = valueOf(replies[i])
		// go-redis tells a command of a pipeline nothing if it got no connection (trap R4).
		// Nobody must take that for an absent session; none of our values is empty (E10).
		if one.err == nil && replies[i].Err() == nil && len(one.value) == 0 {
			one.err = err
		}
		close(one.landed)
	}
}

// send returns the first error. Each reply tells its own, if it has come.
func (r *reads) send(batch []*read, replies []*redis.StringCmd) (err error) {
	ctx, done := r.bounds.bounded(context.Background())
	defer done()
	pipeline := r.client.Pipeline()
	for i, one := range batch {
		replies[i] = pipeline.Get(ctx, one.key)
	}
	defer func() {
		if p := recover(); p != nil { // of a hook of the app's client, past every other recover
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
