package graph

import (
	"context"
	"maps"
	"net/http"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"
)

// defaultTimeout is the time limit of a call whose context has no deadline, such as that of a Fiber
// request (trap T13). Users do not wait longer for a page.
const defaultTimeout = 15 * time.Second

// run makes one call of Kiota within a time limit, recovers from panics, and returns the library's
// errors. Kiota gets a copy of the request.
func run[T any](ctx context.Context, a *adapter, info *abstractions.RequestInformation, send func(context.Context, *call, *abstractions.RequestInformation) (T, error)) (result T, err error) {
	c := a.newCall(info)
	ctx, cancel := c.bounded(orBackground(ctx))
	ctx = c.in(ctx)
	if wantsRawResponse(ctx, info) {
		// The response is returned before it has been read, so the context is left to end at its
		// deadline.
		cancel = func() {}
	}
	defer cancel()
	defer removeToken(info)
	defer c.recoverInto(ctx, &err)
	result, err = send(ctx, c, ownRequest(info))
	if err != nil {
		var none T
		return none, c.failure(ctx, err)
	}
	return result, nil
}

// ownRequest returns a copy of a request whose URL can be set. The original may be sent again, also by
// another adapter, and shares its path parameters with the builder.
func ownRequest(info *abstractions.RequestInformation) *abstractions.RequestInformation {
	if info == nil {
		return nil
	}
	own := *info
	own.PathParameters = maps.Clone(info.PathParameters)
	return &own
}

// newCall returns a call for a request.
func (a *adapter) newCall(info *abstractions.RequestInformation) *call {
	c := &call{limit: a.limit, retries: a.retries}
	if info == nil {
		return c
	}
	c.content = info.Content
	if c.stream = streamOf(info); c.stream != nil {
		c.limit, c.download = c.stream.limit, a.followsDownloads
	}
	return c
}

// bounded returns the context of a call. It has a deadline, or ends when a streamed response stalls.
func (c *call) bounded(ctx context.Context) (context.Context, func()) {
	_, c.patient = ctx.Deadline()
	switch {
	case c.patient:
		return ctx, func() {}
	case c.stream != nil:
		ctx, idle, cancel := withIdleTimer(ctx, defaultTimeout)
		c.idle = idle
		return ctx, cancel
	}
	return context.WithTimeout(ctx, defaultTimeout)
}

// lacksObject reports whether a response without an object is an error. It is not for a change, an
// accepted job (202) or an unchanged object, because these return no object.
func (c *call) lacksObject(ctx context.Context, info *abstractions.RequestInformation) bool {
	if c.stream != nil || wantsRawResponse(ctx, info) {
		return false
	}
	switch c.status {
	case http.StatusOK, http.StatusCreated, http.StatusNonAuthoritativeInfo, http.StatusNoContent:
		return info.Method == abstractions.GET || info.Method == abstractions.POST
	}
	return false
}

func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// wantsRawResponse reports whether the caller handles the *http.Response.
func wantsRawResponse(ctx context.Context, info *abstractions.RequestInformation) bool {
	if ctx.Value(abstractions.ResponseHandlerOptionKey) != nil {
		return true
	}
	if info == nil {
		return false
	}
	for _, o := range info.GetRequestOptions() {
		if o.GetKey() == abstractions.ResponseHandlerOptionKey {
			return true
		}
	}
	return false
}
