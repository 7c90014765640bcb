package record

import (
	"context"
	"runtime"
	"sync"

	"github.com/redis/go-redis/v9"
)

// tripsByServer manages the shared round trips to each server separately, because operations on one
// master of a Cluster must not wait for another master. It is safe for concurrent use.
type tripsByServer struct {
	client    redis.UniversalClient
	deadlines *deadlines
	poolSize  int
	locate    func(ctx context.Context, key string) (addr string, err error) // nil if there is a single server
	single    *trips                                                         // to the single server

	mu     sync.RWMutex
	byAddr map[string]*trips
}

func newTripsByServer(client redis.UniversalClient, deadlines *deadlines, locate func(context.Context, string) (string, error)) *tripsByServer {
	s := &tripsByServer{client: client, deadlines: deadlines, poolSize: poolSizeOf(client), locate: locate, byAddr: make(map[string]*trips)}
	s.single = s.newTrips()
	return s
}

func (s *tripsByServer) newTrips() *trips {
	return &trips{client: s.client, deadlines: s.deadlines, limit: max(1, s.poolSize-s.poolSize/4), unshared: runtime.GOMAXPROCS(0)}
}

// to returns the round trips to the server with a key.
func (s *tripsByServer) to(ctx context.Context, key string) (*trips, error) {
	if s.locate == nil {
		return s.single, nil
	}
	addr, err := s.locate(ctx, key)
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	existing := s.byAddr[addr]
	s.mu.RUnlock()
	if existing != nil {
		return existing, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byAddr[addr] == nil {
		s.byAddr[addr] = s.newTrips()
	}
	return s.byAddr[addr], nil
}

// poolSizeOf returns how many connections a client may have to each server.
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
