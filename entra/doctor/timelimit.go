package doctor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/internal/flight"
)

const (
	// checkTimeout is the deadline of the context of a check.
	checkTimeout = 4500 * time.Millisecond
	// checkGrace is how much later than checkTimeout a check is abandoned, so that it can report what
	// took too long.
	checkGrace = 300 * time.Millisecond
)

// The reasons why a check has no result.
var (
	errNoAnswer = errors.New("no answer in time")
	errPanicked = errors.New("it panicked")
	errEnded    = errors.New("the diagnosis was cancelled, or took too long")
)

// within returns the result of a check. The check may ignore its context and may panic, because it
// calls a credential, a transport, a storage or a handler of the app. A check that does not end is
// abandoned.
func within[T any](ctx context.Context, check func(context.Context) T) (T, error) {
	results := make(chan T, 1)
	go func() {
		defer close(results)
		limited, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		_ = flight.Caught(func() error { results <- check(limited); return nil })
	}()
	var none T
	select {
	case result, hasResult := <-results:
		switch {
		case ctx.Err() != nil: // a check that failed because ctx ended would report a wrong cause
			return none, errEnded
		case !hasResult:
			return none, errPanicked
		}
		return result, nil
	case <-ctx.Done():
		return none, errEnded
	case <-time.After(checkTimeout + checkGrace):
		return none, errNoAnswer
	}
}

// inTime returns the findings of a check, or the finding that its subject could not be checked.
func inTime(ctx context.Context, code, subject string, check func(context.Context) []Finding) []Finding {
	findings, err := within(ctx, check)
	if err != nil {
		return []Finding{unchecked(code, subject, err.Error())}
	}
	return findings
}

// concurrently runs checks at the same time, and returns their findings in the order of the
// checks.
func concurrently(checks ...func() []Finding) []Finding {
	findings := make([][]Finding, len(checks))
	var running sync.WaitGroup
	for i, check := range checks {
		running.Go(func() { findings[i] = check() })
	}
	running.Wait()
	return slices.Concat(findings...)
}
