package record

import (
	"context"
	"time"

	"github.com/bsm/redislock"
	"github.com/redis/go-redis/v9"
)

// Redis is a Backend on a Redis server, Sentinel group or Cluster.
type Redis struct {
	client redis.UniversalClient
	// local queues the callers in this process for each lock, so that only the first of them calls
	// Redis.
	local       *locks
	mutex       *redislock.Client
	deadlines   deadlines
	onLocalLock func(error)
	trips       *tripsByServer // nil if each operation makes its own round trip
	// OnDiscard, if set, is called with the key of a removed value of another type. It must be set
	// before the first use.
	OnDiscard func(key string)
}

// NewRedis returns a Backend on a client. The caller closes the client. onLocalLock, which may be nil,
// is called with the cause when a lock is effective in this process only.
func NewRedis(client redis.UniversalClient, onLocalLock func(error)) *Redis {
	if onLocalLock == nil {
		onLocalLock = func(error) {}
	}
	r := &Redis{client: client, local: newLocks(), mutex: redislock.New(client), deadlines: deadlines{limit: timeLimit(client)}, onLocalLock: onLocalLock}
	if r.deadlines.limit > 0 { // otherwise callers that share a round trip could wait forever
		r.trips = newTripsByServer(client, &r.deadlines, r.Locate())
	}
	return r
}

// timeLimit returns twice the client's read timeout, so that there is time for a retry or for a
// connection. It is 0 if the client has no such timeout or does not expose it.
func timeLimit(client redis.UniversalClient) time.Duration {
	switch c := client.(type) {
	case *redis.Client:
		return 2 * max(c.Options().ReadTimeout, 0)
	case *redis.ClusterClient:
		return 2 * max(c.Options().ReadTimeout, 0)
	}
	return 0
}

// TimeLimit returns how long one operation may take, including connecting, retries and
// redirects. Without it, a client of a Cluster that stalls would try several servers (threat G3).
func (r *Redis) TimeLimit() time.Duration { return r.deadlines.limit }

// Locate returns a function that finds the master of a key in a Cluster. It returns nil for other
// clients. The client caches the slots of each master.
func (r *Redis) Locate() func(ctx context.Context, key string) (addr string, err error) {
	cluster, ok := r.client.(*redis.ClusterClient)
	if !ok {
		return nil
	}
	return func(ctx context.Context, key string) (string, error) {
		master, err := cluster.MasterForKey(ctx, key)
		if err != nil {
			return "", err
		}
		return master.Options().Addr, nil
	}
}

// Get implements [Backend].
func (r *Redis) Get(ctx context.Context, key string) ([]byte, error) {
	if r.trips == nil {
		return valueOf(r.client.Get(ctx, key))
	}
	trips, err := r.trips.to(ctx, key)
	if err != nil {
		return nil, err
	}
	return trips.get(ctx, key)
}

// Set implements [Backend].
func (r *Redis) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return r.client.Set(ctx, key, value, ttl).Err()
}

var swap = redis.NewScript(`
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("SET", KEYS[1], ARGV[2], "KEEPTTL")
return 1`)

// Swap implements [Backend]. The key's TTL does not change.
func (r *Redis) Swap(ctx context.Context, key string, old, value []byte, _ time.Duration) (bool, error) {
	return swap.Run(ctx, r.client, []string{key}, old, value).Bool()
}

// Touch implements [Backend] in one round trip.
func (r *Redis) Touch(ctx context.Context, ttl time.Duration, keys ...string) error {
	if r.trips != nil {
		trips, err := r.trips.to(ctx, keys[0])
		if err != nil {
			return err
		}
		return trips.touch(ctx, ttl, keys)
	}
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range keys {
			p.PExpire(ctx, key, ttl)
		}
		return nil
	})
	return err
}

// Delete implements [Backend] in one round trip. It sends a command per key, because a Cluster
// refuses a command with several keys while it moves their slot to another master.
func (r *Redis) Delete(ctx context.Context, keys ...string) error {
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range keys {
			p.Del(ctx, key)
		}
		return nil
	})
	return err
}

// TTL implements [Backend].
func (r *Redis) TTL(ctx context.Context, key string) (time.Duration, error) {
	ttl, err := r.client.PTTL(ctx, key).Result()
	return max(ttl, 0), err
}

// Claim implements [Backend].
func (r *Redis) Claim(ctx context.Context, key, value string, ttl time.Duration) (bool, error) {
	claimed, err := r.client.SetNX(ctx, key, value, ttl).Result()
	if err != nil || claimed {
		return claimed, err
	}
	current, err := r.Get(ctx, key)
	if isWrongType(err) {
		return false, nil // another program holds the key
	}
	return string(current) == value, err
}

// discard removes a value of another type, so that it does not fail forever (threat E11).
func (r *Redis) discard(ctx context.Context, key string) error {
	if err := r.client.Del(ctx, key).Err(); err != nil {
		return err
	}
	if r.OnDiscard != nil {
		r.OnDiscard(key)
	}
	return nil
}
