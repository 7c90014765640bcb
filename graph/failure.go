package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/outbound"
)

// failure returns the error of a failed call, classified by the recorded response. The text of Kiota's
// error is only a last resort, and only used where it cannot contain a URL or a token.
func (c *call) failure(ctx context.Context, err error) error {
	if e, ok := autherr.Find(err); ok {
		if errors.Is(e, errBadAnswer) || errors.Is(e, errFailed) {
			return autherr.WithAttrs(e, c.ids.attrs()...)
		}
		return e
	}
	e := c.classify(ctx, err)
	return autherr.WithAttrs(e, c.ids.attrs()...)
}

func (c *call) classify(ctx context.Context, err error) *entra.Error {
	switch ended := ctx.Err(); {
	case errors.Is(context.Cause(ctx), errIdle):
		return autherr.TryLater("graph_timeout", context.DeadlineExceeded)
	case errors.Is(ended, context.Canceled):
		return autherr.TryLater("gave_up", ended)
	case ended != nil || errors.Is(err, context.DeadlineExceeded):
		return autherr.TryLater("graph_timeout", context.DeadlineExceeded)
	case c.status >= http.StatusBadRequest:
		return c.statusError(err)
	case c.tokenFailed:
		return autherr.TryLater("credential_failed", err)
	case c.status == 0 || c.interrupted:
		return autherr.TryLater("graph_unreachable", outbound.Cause(err))
	}
	return errBadAnswer.New("unreadable", err)
}

// statusError returns the error for an error response of Graph.
func (c *call) statusError(err error) *entra.Error {
	g, body := readGraphError(err), c.readErrorBody()
	g.complete(body)
	c.ids.request = cmp.Or(c.ids.request, g.requestID)
	c.ids.clientRequest = cmp.Or(c.ids.clientRequest, g.clientRequestID)
	reason := g.code
	if reason == "" {
		reason = fmt.Sprintf("status_%d", c.status)
	}
	cause := fmt.Errorf("graph: status %d, code %q, request-id %q: %s", c.status, g.code, c.ids.request, g.message)
	e := newError(c.kind(), reason, cause, g.sdkError())
	e.Status = c.status
	if c.foreign && c.status == http.StatusUnauthorized {
		e.Status = http.StatusForbidden
	}
	if isBusy(c.status) {
		e.RetryAfter = cmp.Or(c.retryAfter, autherr.RetrySoon)
	}
	return e
}

// kind returns the kind of an error response. A 401 from the storage of a file is not a missing
// sign-in, because it only means that the storage no longer accepts its own URL.
func (c *call) kind() *autherr.Kind {
	if c.foreign && c.status == http.StatusUnauthorized {
		return errAccessDenied
	}
	return kindOf(c.status)
}

// recoverInto turns a panic of Kiota or the SDK into an error. They dereference parts that an unusual
// response omits, such as the message of an error or the quotes of a claims challenge (traps K1, K2).
func (c *call) recoverInto(ctx context.Context, err *error) {
	if p := recover(); p != nil {
		c.closeBody()
		*err = c.failure(ctx, fmt.Errorf("the SDK panicked: %v", p))
	}
}
