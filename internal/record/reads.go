package record

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// maxBatch bounds how many reads go out together, and so how long the first of them waits
// for the last.
const maxBatch = 64

// reads lets callers who read at the same time share a round trip. As long as few do, each
// goes by itself. When as many are under way as there are processors, the next wait for one
// to come back, and then go together: that costs the socket once instead of once for each,
// which is most of what a signed-in request costs. A reply that went to the wrong caller
// would not open there (threat G6). It is safe for concurrent use.
type reads struct {
	client redis.UniversalClient

	mu      sync.Mutex
	flights int // under way
	most    int
	waiting []*read
}

func newReads(client redis.UniversalClient) *reads {
	return &reads{client: client, most: runtime.GOMAXPROCS(0)}
}

// read is one that waits.
type read struct {
	key   string
	value []byte
	err   error
	// batch is what it flies with, if it is the one that flies.
	batch []*read
	// called has it fly, or tells that it has arrived.
	called chan struct{}
}

// get returns nil for an absent key.
func (r *reads) get(ctx context.Context, key string) ([]byte, error) {
	r.mu.Lock()
	if r.flights < r.most {
		r.flights++
		r.mu.Unlock()
		defer r.land()
		return valueOf(r.client.Get(ctx, key))
	}
	me := &read{key: key, called: make(chan struct{}, 1)}
	r.waiting = append(r.waiting, me)
	r.mu.Unlock()
	if err := r.await(ctx, me); err != nil {
		return nil, err
	}
	if me.batch != nil {
		r.fly(ctx, me.batch)
	}
	return me.value, me.err
}

// await returns when the read is called, or with an error if its caller gives up. One that
// flies already cannot leave: others may depend on it.
func (r *reads) await(ctx context.Context, me *read) error {
	select {
	case <-me.called:
		return nil
	case <-ctx.Done():
	}
	if r.leave(me) {
		return context.Cause(ctx)
	}
	<-me.called
	return nil
}

func (r *reads) leave(me *read) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.waiting, me)
	if i < 0 {
		return false
	}
	r.waiting = slices.Delete(r.waiting, i, i+1)
	return true
}

// land makes room, and has the next fly, if any wait.
func (r *reads) land() {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.waiting), maxBatch)
	if n == 0 {
		r.flights--
		return
	}
	batch := slices.Clone(r.waiting[:n])
	r.waiting = slices.Delete(r.waiting, 0, n)
	batch[0].batch = batch
	batch[0].called <- struct{}{}
}

// fly reads for all of a batch. The caller is the first of it and has waited longest: its
// deadline holds for all, so that nobody waits for two of them, but not its giving up.
func (r *reads) fly(ctx context.Context, batch []*read) {
	arrived := false
	defer func() {
		for _, other := range batch[1:] {
			if !arrived { // a panic in a hook of the app's client
				other.err = errors.New("record: the read of a batch did not come back")
			}
			other.called <- struct{}{}
		}
		r.land()
	}()
	ctx, done := detached(ctx)
	defer done()
	replies := make([]*redis.StringCmd, len(batch))
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, one := range batch {
			replies[i] = p.Get(ctx, one.key)
		}
		return nil
	})
	for i, one := range batch {
		one.value, one.err = valueOf(replies[i])
		if failed(err) {
			one.value, one.err = nil, err
		}
	}
	arrived = true
}

// failed reports whether a round trip was not made. Without a connection go-redis leaves
// the replies as they were, and each would look like that of an absent key (trap R4).
func failed(err error) bool {
	return err != nil && !errors.As(err, new(redis.Error))
}

func valueOf(reply *redis.StringCmd) ([]byte, error) {
	value, err := reply.Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return value, err
}
