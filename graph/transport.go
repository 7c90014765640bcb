package graph

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/fibermsal/fibermsal/internal/outbound"
)

// transport is the last stage before the network. It checks the URL again, because Kiota's middlewares
// may have changed the request.
type transport struct {
	next    http.RoundTripper
	graph   origin
	replace replaceToken // may be nil
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	c := callOf(r.Context())
	resp, err := t.send(c, r)
	if err == nil && c.download && r.Method == http.MethodGet && isRedirect(resp) {
		resp, err = t.follow(c, r, resp)
	}
	if err != nil {
		return nil, err
	}
	c.idle.stop()
	c.recordResponse(resp)
	if err := c.checkResponse(r, resp); err != nil {
		_ = resp.Body.Close() // the response is not used
		return nil, err
	}
	resp.Body = &callBody{ctx: r.Context(), call: c, bounded: outbound.Bound(resp.Body, c.limitOf(resp))}
	if c.stream != nil && resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return c.stream.copied(resp)
	}
	return resp, nil
}

// send sends a request to Graph, or to the URL of an upload session.
func (t *transport) send(c *call, r *http.Request) (*http.Response, error) {
	if c.upload {
		if err := t.graph.checkForeign(r.URL); err != nil {
			return nil, err
		}
		c.foreign = true
		return c.send(t.next, r)
	}
	if err := t.graph.check(r.URL); err != nil {
		return nil, err
	}
	resp, err := c.send(t.next, r)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		return t.sendWithNewToken(c, r, resp)
	}
	return resp, err
}

// sendWithNewToken repeats a request whose token Graph has rejected, unless the rejection is a claims
// challenge, which requires the user.
func (t *transport) sendWithNewToken(c *call, r *http.Request, rejection *http.Response) (*http.Response, error) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if t.replace == nil || token == "" || strings.Contains(rejection.Header.Get("WWW-Authenticate"), "claims") {
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

// limitOf returns the size limit of a response. Error responses are always read by Kiota, even if the
// response would be streamed.
func (c *call) limitOf(resp *http.Response) int64 {
	if resp.StatusCode >= http.StatusBadRequest {
		return min(c.limit, maxResponse)
	}
	return c.limit
}

// checkResponse returns an error for a response that must not be read. A redirect other than that of a
// download would send the user's data to a host that is not configured, and Kiota mistakes a redirect
// without a Location for a success.
func (c *call) checkResponse(r *http.Request, resp *http.Response) error {
	switch {
	case resp.StatusCode == http.StatusNotModified && isConditional(r):
		return nil
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return errBadAnswer.New("redirect", fmt.Errorf("Graph answered with status %d, which is not followed", resp.StatusCode)) //nolint:staticcheck // a name
	case resp.ContentLength > c.limitOf(resp) && r.Method != http.MethodHead:
		return errBadAnswer.New("too_large", nil)
	}
	return nil
}

func isConditional(r *http.Request) bool {
	return r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != ""
}
