package authority

import (
	"context"
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// CallTimeout is the time limit of every call to Entra. MSAL would wait 30 seconds.
const CallTimeout = 10 * time.Second

// maxFailures is how many token calls in a row must fail, in all sessions together, to open the circuit
// for autherr.RetrySoon.
const maxFailures = 10

// gate prevents each session from making a failing call during an outage of Entra. After some failures
// in a row, only one caller at a time probes whether the outage is over.
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
	// errInconclusive is the outcome of a call that gives no information about Entra, because Entra was
	// not called or because the caller's deadline or cancellation ended the call.
	errInconclusive = errors.New("the token endpoint did not end the call")
	// errPaused means that a call was not made, because Entra has just failed too often.
	errPaused = errors.New("the token endpoint failed so often just now that it was not called")
	// errBusy is the outcome of a failed call that the breaker counts: a 5xx, a transport error or a panic.
	errBusy = errors.New("the token endpoint is busy")
	// errTimeout is the cause if the time limit of a call to Entra ends its context.
	errTimeout = errors.New("the token endpoint did not answer in time")
)

// withinTimeout returns a context with the time limit for a call to Entra in the background. Sign-ins
// have the time limit of the HTTP client instead, in addition to their own.
func withinTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, CallTimeout, errTimeout)
}

// endedByCaller reports whether a context has ended for a reason other than the time limit of the call.
// Such a call is not counted, because otherwise cancelled sign-ins could open the circuit for all
// users.
func endedByCaller(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), errTimeout)
}
