package discovery

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/internal/aadsts"
	"github.com/fibermsal/fibermsal/internal/flight"
	"github.com/fibermsal/fibermsal/internal/outbound"
)

// document is the cached configuration of one authority.
type document struct {
	address *url.URL
	flight  flight.Group

	mu        sync.Mutex // guards the following fields
	kept      *answer
	fetchedAt time.Time
	failedAt  time.Time
	failure   error // the last failure
}

// answer is a configuration that an authority returned. It is immutable.
type answer struct {
	metadata *Metadata
	header   http.Header
	body     []byte
}

// get returns the cached answer. If the answer is old, it is fetched again in the background. The
// caller waits for a fetch only if there is no usable answer.
func (d *document) get(ctx context.Context, base http.RoundTripper) (*answer, error) {
	kept, fetch := d.remembered()
	if !fetch {
		return kept, d.missing(kept)
	}
	fetched := d.flight.Begin("", func() (any, error) { //nolint:contextcheck // see fetch
		// Another fetch may have ended after the caller called remembered.
		if kept, fetch := d.remembered(); !fetch {
			return kept, d.missing(kept)
		}
		return d.fetch(base)
	})
	if kept != nil {
		return kept, nil
	}
	select {
	case result := <-fetched:
		kept, _ = result.Val.(*answer)
		return kept, result.Err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// missing returns an error if there is no answer.
func (d *document) missing(kept *answer) error {
	if kept != nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Errorf("discovery: the authority has just failed to answer: %w", d.failure)
}

// remembered returns the cached answer, or nil if there is none or it is too old, and
// reports whether to fetch another.
func (d *document) remembered() (kept *answer, fetch bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	age := time.Since(d.fetchedAt)
	if age < maxAge+maxStale {
		kept = d.kept
	}
	young := kept != nil && age < maxAge
	return kept, !young && time.Since(d.failedAt) >= retryPause
}

// fetch fetches the configuration. It has its own deadline, because other callers may still be waiting
// for it when one gives up.
func (d *document) fetch(base http.RoundTripper) (kept *answer, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.address.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	err = flight.Caught(func() error { // the transport may belong to the app; its panic counts as a failure
		resp, err := base.RoundTrip(r) //nolint:bodyclose // read closes it
		if err == nil {
			kept, err = read(r, resp)
		}
		return err
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.failedAt, d.failure = time.Now(), err
		return nil, err
	}
	d.kept, d.fetchedAt = kept, time.Now()
	return kept, nil
}

// read reads an answer and validates that it describes the authority that sent it. Otherwise MSAL would
// send the client secret to the endpoint in it.
func read(r *http.Request, resp *http.Response) (*answer, error) {
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(outbound.Bound(resp.Body, maxBody))
	if resp.StatusCode != http.StatusOK {
		return nil, failureOf(resp.StatusCode, body)
	}
	if err != nil {
		return nil, fmt.Errorf("discovery: reading the OpenID configuration: %w", err)
	}
	if !strings.HasSuffix(r.URL.Path, version+path) {
		m, err := parseVersion1(body, r.URL)
		return &answer{metadata: m}, err
	}
	m, err := parse(body)
	if err != nil {
		return nil, err
	}
	authority := r.URL.Scheme + "://" + r.URL.Host + strings.TrimSuffix(r.URL.Path, version+path)
	if err := m.validate(authority); err != nil {
		return nil, err
	}
	// Only the members that are used are kept, because each new MSAL client decodes the document, which
	// is slow, and Entra's document is five times as long (trap M6).
	if body, err = json.Marshal(m.forMSAL(authority)); err != nil {
		return nil, err
	}
	header := resp.Header.Clone()
	header.Del("Content-Length")
	return &answer{metadata: m, header: header, body: body}, nil
}

// RefusedError means that an authority has no configuration for a request, for example because the
// tenant does not exist. A retry does not help.
type RefusedError struct{ Numbers []int } // AADSTS numbers

func (e *RefusedError) Error() string {
	return fmt.Sprintf("discovery: the authority refused the request for its OpenID configuration: AADSTS %v", e.Numbers)
}

// failureOf returns the error for an answer that is not a configuration. An answer that is not one of
// Entra's refusals may come from a proxy in between.
func failureOf(status int, body []byte) error {
	if numbers := aadsts.Numbers(string(body)); status == http.StatusBadRequest && len(numbers) > 0 {
		return &RefusedError{numbers}
	}
	return fmt.Errorf("discovery: the OpenID configuration answered with status %d", status)
}

// response returns the answer as the response to a request.
func (a *answer) response(r *http.Request) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header.Clone(), Body: io.NopCloser(bytes.NewReader(a.body)),
		ContentLength: int64(len(a.body)), Request: r,
	}
}
