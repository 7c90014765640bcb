package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/fibermsal/fibermsal/internal/outbound"
)

// transport is the last stage before the network. Kiota's middlewares may have changed a
// request; it is sent to Graph or not at all.
type transport struct {
	next    http.RoundTripper
	graph   origin
	replace replaceToken // may be nil
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.graph.check(r.URL); err != nil {
		return nil, err
	}
	c := callOf(r.Context())
	resp, err := c.send(t.next, r)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		resp, err = t.sendWithNewToken(c, r, resp)
	}
	if err != nil {
		return nil, err
	}
	c.recordResponse(resp)
	if err := checkResponse(r, resp, c.limit); err != nil {
		_ = resp.Body.Close() // the response is not used
		return nil, err
	}
	resp.Body = &callBody{ctx: r.Context(), call: c, bounded: outbound.Bound(resp.Body, c.limit)}
	return resp, nil
}

// sendWithNewToken repeats a request whose token Graph rejected. It does not for a claims
// challenge, which requires the user.
func (t *transport) sendWithNewToken(c *call, r *http.Request, rejection *http.Response) (*http.Response, error) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if t.replace == nil || token == "" || !isRead(r) || strings.Contains(rejection.Header.Get("WWW-Authenticate"), "claims") {
		return rejection, nil
	}
	newToken, ok := t.replace(r.Context(), token)
	if !ok {
		return rejection, nil
	}
	drain(rejection)
	again := r.Clone(r.Context())
	again.Header.Set("Authorization", "Bearer "+newToken)
	return c.send(t.next, again)
}

// checkResponse returns an error for a response that must not be read. Graph redirects downloads
// to storage hosts: following would take the token or the user's data to a host that is not
// configured, and Kiota takes a redirect without a Location for a success.
func checkResponse(r *http.Request, resp *http.Response, limit int64) error {
	switch {
	case resp.StatusCode == http.StatusNotModified && isConditional(r):
		return nil
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return errBadAnswer.New("redirect", fmt.Errorf("Graph answered with status %d, which is not followed", resp.StatusCode)) //nolint:staticcheck // a name
	case resp.ContentLength > limit && r.Method != http.MethodHead:
		return errBadAnswer.New("too_large", nil)
	}
	return nil
}

func isConditional(r *http.Request) bool {
	return r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != ""
}

// callBody is a body that fails after its limit, and when the context ends. Kiota reads bodies
// without a limit, also those of errors.
type callBody struct {
	ctx     context.Context // of the request
	call    *call
	bounded *outbound.Body
}

// Read implements io.Reader.
func (b *callBody) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.bounded.Read(p)
	if errors.Is(err, outbound.ErrTooLarge) {
		return 0, errBadAnswer.New("too_large", nil)
	}
	b.call.interrupted = err != nil && !errors.Is(err, io.EOF)
	return n, err
}

// Close implements io.Closer.
func (b *callBody) Close() error { return b.bounded.Close() }
