package record

import (
	"context"
	"runtime"
	"sync"

	"github.com/redis/go-redis/v9"
)

// readers are the reads of each server: the masters of a Cluster must not wait for each
// other. It is safe for concurrent use.
type readers struct {
	client   redis.UniversalClient
	bounds   *deadlines
	poolSize int
	locate   func(ctx context.Context, key string) (where string, err error) // nil: there is one server
	whole    *reads                                                          // of the one server

	mu       sync.RWMutex
	byServer map[string]*reads // by address
}

func newReaders(client redis.UniversalClient, bounds *deadlines, locate func(context.Context, string) (string, error)) *readers {
	r := &readers{client: client, bounds: bounds, poolSize: poolSizeOf(client), locate: locate, byServer: make(map[string]*reads)}
	r.whole = r.fresh()
	return r
}

func (r *readers) fresh() *reads {
	return &reads{client: r.client, bounds: r.bounds, limit: max(1, r.poolSize-r.poolSize/4), near: runtime.GOMAXPROCS(0)}
}

// of returns the reads of the server that holds a key.
func (r *readers) of(ctx context.Context, key string) (*reads, error) {
	if r.locate == nil {
		return r.whole, nil
	}
	where, err := r.locate(ctx, key)
	if err != nil {
		return nil, err
	}
	r.mu.RLock()
	known := r.byServer[where]
	r.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byServer[where] == nil {
		r.byServer[where] = r.fresh()
	}
	return r.byServer[where], nil
}

// poolSizeOf is how many connections a client has to each server.
func poolSizeOf(client redis.UniversalClient) int {
	size, active := 0, 0
	switch c := client.(type) {
	case *redis.Client:
		size, active = c.Options().PoolSize, c.Options().MaxActiveConns
	case *redis.ClusterClient:
		size, active = c.Options().PoolSize, c.Options().MaxActiveConns
	}
	if active > 0 {
		size = min(size, active)
	}
	return size
}
