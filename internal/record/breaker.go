package record

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

const (
	// tripAfter is how many consecutive failures open a breaker.
	tripAfter = 5
	// probeEvery is how long after a failed attempt one caller probes whether the storage is back. In
	// between, requests fail immediately. An attempt takes at most half a second, so service resumes
	// within a second.
	probeEvery = 200 * time.Millisecond
	// probePatience is how long other callers wait for a probe, if there has been no failure for
	// quietFor. While there is a constant flow of requests, another one has probed just before, and the
	// next probe will probably fail as well.
	probePatience, probePoll = 100 * time.Millisecond, time.Millisecond
	quietFor                 = time.Second
	// touchPause is how long touches are paused after a failed touch. Otherwise every request would try
	// in vain while the storage only serves reads.
	touchPause = time.Second
	// deadlineSlack is how much earlier than a context's timer the timer of a connection may fire.
	deadlineSlack = 5 * time.Millisecond
)

// ErrDown means that the storage was not called, because it has just failed several times.
var ErrDown = errors.New("record: the storage is down")

// breaker is the circuit breaker of the whole storage, or of one server of a Cluster.
type breaker struct {
	*gobreaker.CircuitBreaker[any]
	key  string // a key that was on the server when the breaker was created
	open bool   // guarded by Guarded.mu

	failedAt      atomic.Int64 // Unix nanoseconds of the last failed attempt
	touchFailedAt atomic.Int64
}

// newBreaker returns a breaker that calls changed when it opens and closes.
func newBreaker(key string, changed func(b *breaker, open bool)) *breaker {
	b := &breaker{key: key}
	b.CircuitBreaker = gobreaker.NewCircuitBreaker[any](gobreaker.Settings{
		MaxRequests:  1,
		Timeout:      probeEvery,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
		IsSuccessful: b.isSuccessful,
		IsExcluded:   isInconclusive,
		OnStateChange: func(_ string, _, to gobreaker.State) {
			changed(b, to != gobreaker.StateClosed)
		},
	})
	return b
}

// isSuccessful reports whether an attempt that is counted has succeeded.
func (b *breaker) isSuccessful(err error) bool {
	if err == nil || isReply(err) {
		return true
	}
	b.failedAt.Store(time.Now().UnixNano())
	return false
}

// awaitProbe waits for the caller that probes whether the storage is back, and reports whether to try
// again. Without it, if several requests arrive at the same time after an outage, all but the probing
// one would fail, however long ago the outage was.
func (b *breaker) awaitProbe(caller context.Context) bool {
	if time.Now().UnixNano()-b.failedAt.Load() < int64(quietFor) {
		return false
	}
	for waited := time.Duration(0); waited < probePatience; waited += probePoll {
		select {
		case <-time.After(probePoll):
		case <-caller.Done():
			return false
		}
		if state := b.State(); state != gobreaker.StateHalfOpen {
			return state == gobreaker.StateClosed
		}
	}
	return false
}

// pausesTouches reports whether a touch has just failed.
func (b *breaker) pausesTouches(now time.Time) bool {
	since := now.UnixNano() - b.touchFailedAt.Load() // negative if the clock was set back
	return since >= 0 && since < int64(touchPause)
}

// execute makes a call unless the breaker is open. The breaker counts the result unless the
// caller ended the call.
func execute[T any](caller context.Context, b *breaker, call func() (T, error)) (result T, err error) {
	attempt := func() (any, error) { // whose result would be allocated
		var err error
		if result, err = call(); err != nil && endedBy(caller, err) {
			err = &callerError{err}
		}
		return nil, err
	}
	_, err = b.Execute(attempt)
	if errors.Is(err, gobreaker.ErrTooManyRequests) && b.awaitProbe(caller) {
		_, err = b.Execute(attempt)
	}
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		err = ErrDown
	}
	return result, err
}

// isInconclusive reports whether an error gives no information about the storage, because the caller's
// context ended or because no connection of the pool was free, which many callers can cause.
func isInconclusive(err error) bool {
	if err == nil {
		return false // before anything is allocated
	}
	return errors.As(err, new(*callerError)) || errors.Is(err, context.Canceled) ||
		errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted)
}

// callerError is the failure of an operation that ended with its caller's context.
type callerError struct{ error }

func (c *callerError) Unwrap() error { return c.error }

// endedBy reports whether a failed operation was ended by the caller's context, and not by the
// time limit of all operations or of the client.
func endedBy(caller context.Context, err error) bool {
	if caller.Err() != nil {
		return true
	}
	deadline, ok := caller.Deadline()
	var t interface{ Timeout() bool }
	return ok && time.Until(deadline) < deadlineSlack && errors.As(err, &t) && t.Timeout()
}
