package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	khttp "github.com/microsoft/kiota-http-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"

	"github.com/fibermsal/fibermsal/internal/outbound"
)

const (
	// maxTries and maxWait bound the patience with a busy Graph. Kiota's handler
	// sleeps through any Retry-After, however long (trap K3).
	maxTries = 3
	maxWait  = 3 * time.Second
	// firstPause triples from try to try.
	firstPause = 200 * time.Millisecond
	// maxRetryAfter bounds what is passed on of Graph's wishes.
	maxRetryAfter = 24 * time.Hour
)

// handlers are the middlewares of Kiota and Graph that requests need, in an order
// that does not change: Kiota's default order is that of a map. They hold no
// state, so all calls share them. Not among them are Kiota's handlers for
// redirects and repetitions, which are unbounded, and its random compression.
var handlers = []khttp.Middleware{
	khttp.NewUrlReplaceHandler(true, map[string]string{"/users/" + mePlaceholder: "/me"}),
	khttp.NewParametersNameDecodingHandler(),
	core.NewGraphTelemetryHandler(&core.GraphClientOptions{}),
	khttp.NewUserAgentHandler(),
	khttp.NewHeadersInspectionHandler(),
}

func pipeline(w *wire) http.RoundTripper {
	return khttp.NewCustomTransportWithParentTransport(w, handlers...)
}

// defaultTransport serves credentials that bring no client of their own. There is
// one, so that connections are kept alive.
var defaultTransport = sync.OnceValue(func() http.RoundTripper { return outbound.New(nil) })

// wire is the last station before the network. Whatever the handlers above have
// done to a request, it leaves for Graph or not at all.
type wire struct {
	next  http.RoundTripper
	graph origin
	// replace gives another token for one that Graph does not accept; it may be nil.
	replace func(ctx context.Context, refused string) (token string, ok bool)
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := w.graph.admit(r.URL); err != nil {
		return nil, err
	}
	x := callOf(r.Context())
	resp, err := w.insist(r, x)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		resp, err = w.withAnotherToken(r, resp, x)
	}
	if err != nil {
		return nil, err
	}
	x.note(resp)
	if err := acceptable(r, resp, x.limit); err != nil {
		_ = resp.Body.Close() // the answer is refused already
		return nil, err
	}
	resp.Body = &callBody{ctx: r.Context(), call: x, bounded: outbound.Bound(resp.Body, x.limit)}
	return resp, nil
}

// withAnotherToken repeats a request whose token Graph does not accept. A claims
// challenge is not answered so: it wants the user.
func (w *wire) withAnotherToken(r *http.Request, refusal *http.Response, x *call) (*http.Response, error) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if w.replace == nil || token == "" || !repeatable(r) || strings.Contains(refusal.Header.Get("WWW-Authenticate"), "claims") {
		return refusal, nil
	}
	another, ok := w.replace(r.Context(), token)
	if !ok {
		return refusal, nil
	}
	drain(refusal)
	again := r.Clone(r.Context())
	again.Header.Set("Authorization", "Bearer "+another)
	return w.insist(again, x)
}

// drain lets the connection be used again.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	_ = resp.Body.Close()
}

// insist sends the request until Graph is not too busy for it, within the bounds. One
// whose connection was lost is sent on another at once, if that does no harm.
func (w *wire) insist(r *http.Request, x *call) (*http.Response, error) {
	for pause := firstPause; ; pause *= 3 {
		x.sent++
		x.status = 0
		resp, err := w.next.RoundTrip(r)
		if errors.Is(err, outbound.ErrLost) && repeatable(r) && x.mayWait(r.Context(), 0) {
			continue
		}
		if err != nil || !busy(resp.StatusCode) || !repeatable(r) {
			return resp, err
		}
		wait := max(outbound.RetryAfter(resp.Header, maxRetryAfter), pause+rand.N(pause/2)) //nolint:gosec // spreads load, keeps no secret
		if !x.mayWait(r.Context(), wait) {
			return resp, nil
		}
		drain(resp)
		if err := sleep(r.Context(), wait); err != nil {
			return nil, err
		}
		x.waited += wait
	}
}

// mayWait reports whether another try fits the bounds and the caller's deadline.
// If not, the caller learns of it at once rather than after a wait in vain.
func (x *call) mayWait(ctx context.Context, wait time.Duration) bool {
	if !x.patient || x.sent >= maxTries || x.waited+wait > maxWait {
		return false
	}
	end, bounded := ctx.Deadline()
	return !bounded || time.Until(end) > wait
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

// busy is what passes by itself.
func busy(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// repeatable requests change nothing at Graph.
func repeatable(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && (r.Body == nil || r.Body == http.NoBody)
}

// acceptable refuses answers that must not be read. Graph redirects downloads to
// storage hosts; following takes the token or the user's data to where nobody
// configured it, and Kiota takes a redirect without a Location for success.
func acceptable(r *http.Request, resp *http.Response, limit int64) error {
	switch {
	case resp.StatusCode == http.StatusNotModified && conditional(r):
		return nil
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return badAnswer("redirect", fmt.Errorf("Graph answered with status %d, which is not followed", resp.StatusCode)) //nolint:staticcheck // a name
	case resp.ContentLength > limit && r.Method != http.MethodHead:
		return badAnswer("too_large", nil)
	}
	return nil
}

func conditional(r *http.Request) bool {
	return r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != ""
}

// callBody ends with an error after so many bytes, and with the context. Kiota
// reads all there is, even of errors.
type callBody struct {
	ctx     context.Context // of the request whose answer this is
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
		return 0, badAnswer("too_large", nil)
	}
	b.call.brokenOff = err != nil && !errors.Is(err, io.EOF)
	return n, err
}

// Close implements io.Closer.
func (b *callBody) Close() error { return b.bounded.Close() }
