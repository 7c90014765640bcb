package record

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/bsm/redislock"
	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/flight"
)

// Redis is a Backend on a Redis server, Sentinel group or Cluster.
type Redis struct {
	client redis.UniversalClient
	// Callers of this process queue up here, and only the first asks Redis.
	queue    *locks
	mutex    *redislock.Client
	bounds   deadlines
	weakened func(error)
	trips    *tripsByServer // nil: each operation by itself
	// Discarded, if set, is called with the key of a value that was none of ours and was
	// removed. It is set before the first use.
	Discarded func(key string)
}

const (
	// lockLife is how long others wait for a process that stopped while it held a
	// lock. It is renewed while the process runs, for as long as it needs.
	lockLife = 5 * time.Second
	lockPoll = 50 * time.Millisecond
	// lockPatience is how long Redis may fail before the lock does without.
	lockPatience = time.Second
)

// NewRedis makes a Backend on a client, which stays the caller's to close. Weakened,
// which may be nil, is told when a lock holds in this process only.
func NewRedis(client redis.UniversalClient, weakened func(error)) *Redis {
	if weakened == nil {
		weakened = func(error) {}
	}
	r := &Redis{client: client, queue: newLocks(), mutex: redislock.New(client), bounds: deadlines{patience: patienceOf(client)}, weakened: weakened}
	if r.bounds.patience > 0 { // a client that waits for ever must not have others wait with it
		r.trips = newTripsByServer(client, &r.bounds, r.Locate())
	}
	return r
}

// patienceOf is twice as long as a client waits for one answer, so that there is time for
// a second try, or for a connection. It is 0 if the client does not tell, or waits for ever.
func patienceOf(client redis.UniversalClient) time.Duration {
	switch c := client.(type) {
	case *redis.Client:
		return 2 * max(c.Options().ReadTimeout, 0)
	case *redis.ClusterClient:
		return 2 * max(c.Options().ReadTimeout, 0)
	}
	return 0
}

// Patience is how long one operation may take, with connecting, retries and redirects: a
// client of a Cluster that stalls would try several servers (threat G3).
func (r *Redis) Patience() time.Duration { return r.bounds.patience }

// Locate returns how to find the master that holds a key of a Cluster, or nil elsewhere.
// The client remembers who holds what.
func (r *Redis) Locate() func(ctx context.Context, key string) (where string, err error) {
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

// Swap implements [Backend]; the key's life does not change.
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

// Delete implements [Backend] in one round trip, by a command per key: while a slot of a
// Cluster is on its way to another master, one command with several keys is refused.
func (r *Redis) Delete(ctx context.Context, keys ...string) error {
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range keys {
			p.Del(ctx, key)
		}
		return nil
	})
	return err
}

// Life implements [Backend].
func (r *Redis) Life(ctx context.Context, key string) (time.Duration, error) {
	life, err := r.client.PTTL(ctx, key).Result()
	return max(life, 0), err
}

// Claim implements [Backend].
func (r *Redis) Claim(ctx context.Context, key, value string, ttl time.Duration) (bool, error) {
	claimed, err := r.client.SetNX(ctx, key, value, ttl).Result()
	if err != nil || claimed {
		return claimed, err
	}
	present, err := r.Get(ctx, key)
	if isWrongType(err) {
		return false, nil // somebody else's, whatever it is
	}
	return string(present) == value, err
}

// Lock implements [Backend]. If Redis fails, the lock holds among the callers of
// this process and the error is nil: a refresh too many is better than none. Weakened
// is told why.
func (r *Redis) Lock(ctx context.Context, key string) (release func(), err error) {
	leave, err := r.queue.Lock(ctx, key)
	if err != nil {
		return nil, err
	}
	lock, err := r.obtain(ctx, key)
	switch {
	case ctx.Err() != nil:
		leave()
		if err == nil {
			releaseLock(lock) //nolint:contextcheck // ctx has ended
		}
		return nil, context.Cause(ctx)
	case err != nil:
		r.weakened(err)
		return leave, nil
	}
	stop := make(chan struct{})
	go renew(lock, stop)          //nolint:gosec,contextcheck // until release, whatever becomes of ctx
	return sync.OnceFunc(func() { //nolint:contextcheck // the same
		defer leave()
		close(stop)
		releaseLock(lock)
	}), nil
}

// obtain asks until it has the lock. One failure says nothing: only where failures
// last does the lock give way, and later if somebody was seen to hold it.
func (r *Redis) obtain(ctx context.Context, key string) (*redislock.Lock, error) {
	patience := lockPatience
	var failingSince, heldSince time.Time
	// One for all tries: the lock may be ours although no reply said so (threat G7).
	token := rand.Text()
	for {
		lock, err := r.tryLock(ctx, key, token)
		switch {
		case err == nil || ctx.Err() != nil:
			return lock, err
		case errors.Is(err, redislock.ErrNotObtained):
			failingSince, patience = time.Time{}, lockLife
			if heldSince.IsZero() {
				heldSince = time.Now()
			} else if time.Since(heldSince) > lockLife {
				heldSince = time.Time{}
				r.discardEndless(ctx, key)
			}
		case isWrongType(err):
			_ = r.discard(ctx, key) // or it is tried again
		case failingSince.IsZero():
			failingSince = time.Now()
		case time.Since(failingSince) > patience:
			return nil, err
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (r *Redis) tryLock(ctx context.Context, key, token string) (*redislock.Lock, error) {
	ctx, done := r.bounds.bounded(ctx)
	defer done()
	var lock *redislock.Lock
	err := flight.Caught(func() (err error) { // or callers of this process would wait for the panic's caller for ever
		lock, err = r.mutex.Obtain(ctx, key, lockLife, &redislock.Options{Token: token})
		return err
	})
	return lock, err
}

// renew prolongs a lock until it is released or lost.
func renew(lock *redislock.Lock, stop <-chan struct{}) {
	ticker := time.NewTicker(lockLife / 3)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), lockLife/3)
		// A panic of a hook of the client would end the process in this goroutine of ours.
		err := flight.Caught(func() error { return lock.Refresh(ctx, lockLife, nil) })
		cancel()
		if errors.Is(err, redislock.ErrNotObtained) {
			return // another process has it: Swap will tell
		}
	}
}

// releaseLock has a deadline of its own: the caller's may have ended, and a lock
// that is not released makes others wait.
func releaseLock(lock *redislock.Lock) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = flight.Caught(func() error { return lock.Release(ctx) }) // it ends by itself
}
