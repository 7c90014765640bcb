package graph

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/outbound"
)

const (
	// maxTries and maxWait bound the retries of a call to a busy Graph. Kiota's own handler
	// sleeps for any Retry-After, however long (trap K3).
	maxTries = 3
	maxWait  = 3 * time.Second
	// firstPause triples from try to try.
	firstPause = 200 * time.Millisecond
)

// send sends a request, and retries it within the bounds while Graph is busy. A request whose
// connection was lost is sent on another one at once. Only reads are repeated.
func (c *call) send(transport http.RoundTripper, r *http.Request) (*http.Response, error) {
	for pause := firstPause; ; pause *= 3 {
		c.sent++
		c.status = 0
		resp, err := transport.RoundTrip(r)
		if errors.Is(err, outbound.ErrLost) && isRead(r) && c.mayRetry(r.Context(), 0) {
			continue
		}
		if err != nil || !isBusy(resp.StatusCode) || !isRead(r) {
			return resp, err
		}
		wait := max(outbound.RetryAfter(resp.Header, maxRetryAfter), pause+rand.N(pause/2)) //nolint:gosec // spreads load, keeps no secret
		if !c.mayRetry(r.Context(), wait) {
			return resp, nil
		}
		drain(resp)
		if err := sleep(r.Context(), wait); err != nil {
			return nil, err
		}
		c.waited += wait
	}
}

// mayRetry reports whether another try after a wait is within the bounds and the caller's
// deadline. If it is not, the call fails at once instead of after the wait.
func (c *call) mayRetry(ctx context.Context, wait time.Duration) bool {
	if !c.retries || c.sent >= maxTries || c.waited+wait > maxWait {
		return false
	}
	end, bounded := ctx.Deadline()
	return !bounded || time.Until(end) > wait
}

// isRead reports whether a request changes nothing at Graph.
func isRead(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && (r.Body == nil || r.Body == http.NoBody)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drain discards the rest of a response, so that its connection can be used again.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	_ = resp.Body.Close()
}
