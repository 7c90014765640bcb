package graph

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/outbound"
)

// maxRetryAfter is the longest Retry-After that is accepted from a response.
const maxRetryAfter = 24 * time.Hour

// maxResponse is the size limit of a response. Graph's pages of 999 users are smaller than 2 MB.
const maxResponse = 8 << 20

// callKey is the key of a call in its context. Its type is not exported, so neither an option
// of Kiota nor a value of the handler can replace the call.
type callKey struct{}

// call contains the settings of one call and a record of what happened, including retries and a claims
// challenge. Errors are classified with this record, because Kiota's errors lose the status of
// responses that are not JSON. Only the goroutine that makes the call uses it.
type call struct {
	limit    int64 // of the response, in bytes
	retries  bool  // whether the call is retried while Graph is busy
	patient  bool  // whether the caller has set the deadline
	content  []byte
	stream   *stream    // where the response goes, or nil
	idle     *idleTimer // of a response without a time limit, or nil
	download bool       // whether a redirect to the content is followed
	upload   bool       // whether the URL belongs to an upload session, to which no token is sent

	sent        int           // requests
	waited      time.Duration // between requests
	tokenFailed bool          // the credential returned an error
	foreign     bool          // the latest request was sent to another host than Graph
	status      int           // of the latest response; 0 without one
	retryAfter  time.Duration // of the latest response
	interrupted bool          // the response could not be read to its end
	ids         answerIDs     // of the latest response
	errorBody   []byte        // the beginning of the latest response, if that is an error
	body        io.Closer     // of the latest response
}

// in returns a context that contains the call. If the call is made in the context of another call, the
// inner call is found.
func (c *call) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// callOf returns the call that a context belongs to, or nil.
func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// recordResponse records a response whose body has not been read.
func (c *call) recordResponse(resp *http.Response) {
	c.status, c.retryAfter, c.body = resp.StatusCode, outbound.RetryAfter(resp.Header, maxRetryAfter), resp.Body
	c.ids.received(resp.Header)
	c.errorBody = nil
}

// closeBody returns the connection to the pool after a panic that prevented Kiota from closing the body.
func (c *call) closeBody() {
	if c.body != nil {
		_ = c.body.Close() // the call has failed already
	}
}
