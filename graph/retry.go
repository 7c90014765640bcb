package graph

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/outbound"
)

const (
	// maxTries and maxWait limit the retries of a call, and the time between them, if the caller has
	// set no deadline. Kiota's own handler waits for any Retry-After, however long (trap K3).
	maxTries = 3
	maxWait  = 3 * time.Second
	// maxPatientTries limits the retries if the caller has set a deadline. Within the deadline, each
	// Retry-After is honoured.
	maxPatientTries = 10
	// firstPause is the pause before the first retry. Each further pause is three times as long, up to maxPause.
	firstPause = 200 * time.Millisecond
	maxPause   = 10 * time.Second
)

// send sends a request and retries it, within the limits, while Graph is busy. A safe request whose
// connection was lost is sent again immediately on another connection.
func (c *call) send(transport http.RoundTripper, r *http.Request) (*http.Response, error) {
	for pause := firstPause; ; pause = min(pause*3, maxPause) {
		c.sent++
		c.status = 0
		c.ids.sent(r.Header)
		resp, err := transport.RoundTrip(c.repeatable(r))
		if errors.Is(err, outbound.ErrLost) && isSafe(r) && c.mayRetry(r.Context(), 0) {
			continue
		}
		if err != nil || !isWorthRetrying(r, resp) {
			return c.local(resp), err
		}
		wait := max(outbound.RetryAfter(resp.Header, maxRetryAfter), pause+rand.N(pause/2)) //nolint:gosec // spreads load, keeps no secret
		if !c.mayRetry(r.Context(), wait) {
			return c.local(resp), nil
		}
		drain(resp)
		if err := c.sleep(r.Context(), wait); err != nil {
			return nil, err
		}
		c.waited += wait
	}
}

// repeatable returns a request that can be sent more than once, including by net/http after a server
// has closed an HTTP/2 connection without processing the request (GOAWAY, RFC 9113 section 6.8).
// Kiota's bodies can be read only once and have no length.
func (c *call) repeatable(r *http.Request) *http.Request {
	if len(c.content) == 0 || c.foreign && !c.upload {
		return r
	}
	again := r.WithContext(r.Context()) // RoundTrippers must not change a request
	again.ContentLength = int64(len(c.content))
	again.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c.content)), nil }
	again.Body = io.NopCloser(bytes.NewReader(c.content))
	return again
}

// local removes the header with which a host other than Graph could make Kiota request another token.
func (c *call) local(resp *http.Response) *http.Response {
	if c.foreign && resp != nil {
		resp.Header.Del("WWW-Authenticate")
	}
	return resp
}

// mayRetry reports whether a retry after a wait is within the limits and the caller's deadline. If it
// is not, the call fails immediately instead of after the wait.
func (c *call) mayRetry(ctx context.Context, wait time.Duration) bool {
	tries := maxTries
	if c.patient {
		tries = maxPatientTries
	}
	if !c.retries || c.sent >= tries || !c.patient && c.waited+wait > maxWait {
		return false
	}
	end, bounded := ctx.Deadline()
	return !bounded || time.Until(end) > wait
}

// isWorthRetrying reports whether a retry may succeed and is allowed. A throttled request has had no
// effect, so it may be retried whatever its method.
func isWorthRetrying(r *http.Request, resp *http.Response) bool {
	return resp.StatusCode == http.StatusTooManyRequests || isBusy(resp.StatusCode) && isSafe(r)
}

// isSafe reports whether a request changes nothing at Graph (RFC 9110 section 9.2.1).
func isSafe(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
}

func (c *call) sleep(ctx context.Context, d time.Duration) error {
	c.idle.stop()
	defer c.idle.start()
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
