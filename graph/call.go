package graph

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/outbound"
)

// callKey is the key of a call in its context. Its type is not exported, so no
// option of Kiota's and no value of a handler's can take its place.
type callKey struct{}

// call is what is noted of one call, across the repetitions and the claims
// challenge it may include. Errors are told apart by what was noted, because
// Kiota's lose the status of every answer that is not JSON. One goroutine at a
// time uses it, the one that made the call.
type call struct {
	limit   int64
	patient bool

	sent       int           // requests
	waited     time.Duration // between them
	noToken    bool          // the credential gave none
	status     int           // of the latest answer; 0 while there is none
	retryAfter time.Duration
	brokenOff  bool // the answer began and did not end
	body       io.Closer
}

// callOf returns the call that a context belongs to.
func callOf(ctx context.Context) *call {
	x, _ := ctx.Value(callKey{}).(*call)
	return x
}

func (x *call) note(resp *http.Response) {
	x.status, x.retryAfter, x.body = resp.StatusCode, outbound.RetryAfter(resp.Header, maxRetryAfter), resp.Body
}

// abandon gives the connection back after a panic, which kept Kiota from it.
func (x *call) abandon() {
	if x.body != nil {
		_ = x.body.Close() // nobody is left to tell
	}
}
