package record

import (
	"context"
	"runtime"
	"sync"

	"github.com/redis/go-redis/v9"
)

// tripsByServer are the shared trips to each server: the masters of a Cluster must not wait
// for each other. It is safe for concurrent use.
type tripsByServer struct {
	client   redis.UniversalClient
	bounds   *deadlines
	poolSize int
	locate   func(ctx context.Context, key string) (where string, err error) // nil: there is one server
	whole    *trips                                                          // of the one server

	mu       sync.RWMutex
	byServer map[string]*trips // by address
}

func newTripsByServer(client redis.UniversalClient, bounds *deadlines, locate func(context.Context, string) (string, error)) *tripsByServer {
	r := &tripsByServer{client: client, bounds: bounds, poolSize: poolSizeOf(client), locate: locate, byServer: make(map[string]*trips)}
	r.whole = r.fresh()
	return r
}

func (r *tripsByServer) fresh() *trips {
	return &trips{client: r.client, bounds: r.bounds, limit: max(1, r.poolSize-r.poolSize/4), near: runtime.GOMAXPROCS(0)}
}

// to returns the trips to the server that holds a key.
func (r *tripsByServer) to(ctx context.Context, key string) (*trips, error) {
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
