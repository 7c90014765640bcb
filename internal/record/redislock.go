package record

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/bsm/redislock"

	"github.com/fibermsal/fibermsal/internal/flight"
)

const (
	// lockTTL is how long other processes wait for a process that stopped while it held a lock. A
	// running process renews its locks.
	lockTTL  = 5 * time.Second
	lockPoll = 50 * time.Millisecond
	// lockRenewal is how often a lock is renewed, and lockRenewalRetry is how soon that is repeated if it
	// fails, because one or two failures must not let the lock expire.
	lockRenewal      = lockTTL / 3
	lockRenewalRetry = 200 * time.Millisecond
	// lockRetries is how long Redis may fail before a lock becomes effective in this process only.
	lockRetries = time.Second
)

// Lock implements [Backend]. If Redis fails, the lock is effective only between the callers in this
// process, onLocalLock is called, and the error is nil, because an unnecessary renewal is better than
// none.
func (r *Redis) Lock(ctx context.Context, key string) (release func(), err error) {
	unlockLocal, err := r.local.Lock(ctx, key)
	if err != nil {
		return nil, err
	}
	lock, err := r.obtain(ctx, key)
	switch {
	case ctx.Err() != nil:
		unlockLocal()
		if err == nil {
			releaseLock(lock) //nolint:contextcheck // ctx has ended
		}
		return nil, context.Cause(ctx)
	case err != nil:
		r.onLocalLock(err)
		return unlockLocal, nil
	}
	stop := make(chan struct{})
	go r.renewLock(lock, stop)    //nolint:contextcheck // until release, even after ctx has ended
	return sync.OnceFunc(func() { //nolint:contextcheck // as above
		defer unlockLocal()
		close(stop)
		releaseLock(lock)
	}), nil
}

// obtain retries until it holds the lock. It returns an error only if Redis keeps failing for
// lockRetries, or for lockTTL if another process has held the lock before.
func (r *Redis) obtain(ctx context.Context, key string) (*redislock.Lock, error) {
	retries := lockRetries
	var failingSince, heldSince time.Time
	// All attempts use the same token, because one of them may have obtained the lock although its
	// reply was lost (threat G7).
	token := rand.Text()
	for {
		lock, err := r.tryLock(ctx, key, token)
		switch {
		case err == nil || ctx.Err() != nil:
			return lock, err
		case errors.Is(err, redislock.ErrNotObtained):
			failingSince, retries = time.Time{}, lockTTL
			if heldSince.IsZero() {
				heldSince = time.Now()
			} else if time.Since(heldSince) > lockTTL {
				heldSince = time.Time{}
				r.discardWithoutTTL(ctx, key)
			}
		case isWrongType(err):
			_ = r.discard(ctx, key) // if it fails, the next attempt retries
		case failingSince.IsZero():
			failingSince = time.Now()
		case time.Since(failingSince) > retries:
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
	ctx, cancel := r.deadlines.bound(ctx)
	defer cancel()
	var lock *redislock.Lock
	err := flight.Caught(func() (err error) { // a panic would leave the local lock held forever
		lock, err = r.mutex.Obtain(ctx, key, lockTTL, &redislock.Options{Token: token})
		return err
	})
	return lock, err
}

// discardWithoutTTL removes a lock without an expiry, which this package never writes. If that fails, a
// later attempt retries.
func (r *Redis) discardWithoutTTL(ctx context.Context, key string) {
	const noTTL = -1 // nanosecond: go-redis returns the reply for a key without a TTL unchanged
	if ttl, err := r.client.PTTL(ctx, key).Result(); err == nil && ttl == noTTL {
		_ = r.discard(ctx, key)
	}
}

// renewLock extends a lock until it is released or lost.
func (r *Redis) renewLock(lock *redislock.Lock, stop <-chan struct{}) {
	pause := lockRenewal
	for {
		select {
		case <-stop:
			return
		case <-time.After(pause):
		}
		switch err := r.extend(lock); {
		case err == nil:
			pause = lockRenewal
		case errors.Is(err, redislock.ErrNotObtained):
			return // another process has the lock, which Swap detects
		default:
			pause = lockRenewalRetry
		}
	}
}

func (r *Redis) extend(lock *redislock.Lock) error {
	ctx, cancel := context.WithTimeout(context.Background(), lockRenewal)
	defer cancel()
	ctx, unbound := r.deadlines.bound(ctx)
	defer unbound()
	// A panic in a hook of the client would end the process (threat G23).
	return flight.Caught(func() error { return lock.Refresh(ctx, lockTTL, nil) })
}

// releaseLock releases a lock. It has its own timeout, because the caller's context may have ended, and
// other callers would have to wait if the lock were not released.
func releaseLock(lock *redislock.Lock) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = flight.Caught(func() error { return lock.Release(ctx) }) // it expires by itself
}
