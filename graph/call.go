package graph

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/outbound"
)

// maxRetryAfter bounds the Retry-After of a response that is passed on.
const maxRetryAfter = 24 * time.Hour

// callKey is the key of a call in its context. Its type is not exported, so neither an option
// of Kiota nor a value of the handler can replace the call.
type callKey struct{}

// call records one call, with its retries and a claims challenge. Errors are classified by
// what was recorded, because Kiota's errors lose the status of responses that are not JSON.
// Only the goroutine that makes the call uses it.
type call struct {
	limit   int64 // of the response, in bytes
	retries bool  // whether a busy Graph is tried again

	sent        int           // requests
	waited      time.Duration // between requests
	tokenFailed bool          // the credential returned an error
	status      int           // of the latest response; 0 without one
	retryAfter  time.Duration // of the latest response
	interrupted bool          // the response could not be read to its end
	body        io.Closer     // of the latest response
}

// withCall returns a context with a new call in it. The value is added last, so that the call
// is found before another one in whose context it may be made.
func withCall(ctx context.Context, limit int64, retries bool) (context.Context, *call) {
	c := &call{limit: limit, retries: retries}
	return context.WithValue(ctx, callKey{}, c), c
}

// callOf returns the call that a context belongs to, or nil.
func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// recordResponse records a response whose body has not been read.
func (c *call) recordResponse(resp *http.Response) {
	c.status, c.retryAfter, c.body = resp.StatusCode, outbound.RetryAfter(resp.Header, maxRetryAfter), resp.Body
}

// closeBody returns the connection to the pool after a panic, which kept Kiota from it.
func (c *call) closeBody() {
	if c.body != nil {
		_ = c.body.Close() // the call has failed already
	}
}
