package authority

import (
	"context"
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// CallTimeout bounds every call to Entra; MSAL would wait 30 seconds.
const CallTimeout = 10 * time.Second

// maxFailures is how many token calls in a row, of all sessions together, must fail to open the
// circuit for autherr.RetrySoon.
const maxFailures = 10

// gate keeps an outage of Entra from costing every session its own call: after some failures
// in a row, one caller at a time probes whether the outage is over.
type gate = gobreaker.TwoStepCircuitBreaker[any]

func newGate() *gate {
	return gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		MaxRequests: 1,
		Timeout:     autherr.RetrySoon,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= maxFailures },
		IsExcluded:  func(err error) bool { return errors.Is(err, errInconclusive) },
	})
}

var (
	// errInconclusive is a call that implies nothing about Entra, because Entra was not called or
	// the caller's own deadline or departure ended the call.
	errInconclusive = errors.New("the token endpoint did not end the call")
	// errPaused is a call that was not made, because Entra failed so often just before.
	errPaused = errors.New("the token endpoint failed so often just now that it was not called")
	// errBusy is a failed call that the breaker counts: a 5xx, a transport error or a panic.
	errBusy = errors.New("the token endpoint is busy")
	// errTimeout is the cause of a context that bounds one call to Entra.
	errTimeout = errors.New("the token endpoint did not answer in time")
)

// withinTimeout bounds a call to Entra that no caller waits for. A sign-in has the limit of
// the HTTP client instead, besides its own.
func withinTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, CallTimeout, errTimeout)
}

// endedByCaller reports whether a context has ended for another reason than the time limit of
// the call. Such a call is not counted, because otherwise sign-ins that their callers cancelled
// could open the circuit for all users.
func endedByCaller(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), errTimeout)
}
