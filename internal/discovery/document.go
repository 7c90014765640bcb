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
	failure   error // the last one
}

// answer is a configuration that an authority returned. It is immutable.
type answer struct {
	metadata *Metadata
	header   http.Header
	body     []byte
}

// get returns the cached answer. If that is old, it is fetched again in the background.
// The caller waits for the fetch only if there is no usable answer.
func (d *document) get(ctx context.Context, base http.RoundTripper) (*answer, error) {
	kept, fetch := d.remembered()
	if !fetch {
		return kept, d.missing(kept)
	}
	fetched := d.flight.Begin("", func() (any, error) { //nolint:contextcheck // see fetch
		// The last flight may have ended after the caller called remembered.
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

// missing returns the error for a missing answer, or nil if there is one.
func (d *document) missing(kept *answer) error {
	if kept != nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Errorf("discovery: the authority failed to answer a moment ago: %w", d.failure)
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

// fetch fetches the configuration. It has a deadline of its own, because a caller that
// gives up must not fail the others that wait for it.
func (d *document) fetch(base http.RoundTripper) (kept *answer, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.address.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	err = flight.Caught(func() error { // the transport may be the app's, whose panic counts as a failure
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

// read reads an answer and validates that it describes the authority that it came from.
// MSAL would otherwise send the client secret to the endpoint that it names.
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
	// Only what somebody uses is kept: MSAL's new client of each sign-in and renewal decodes
	// the document, slowly, and Entra's is five times as long (trap M6).
	if body, err = json.Marshal(m.forMSAL(authority)); err != nil {
		return nil, err
	}
	header := resp.Header.Clone()
	header.Del("Content-Length")
	return &answer{metadata: m, header: header, body: body}, nil
}

// RefusedError is an authority that knows no configuration to a request, because the tenant in
// it does not exist, say. No later request will fare better.
type RefusedError struct{ Numbers []int } // of Entra

func (e *RefusedError) Error() string {
	return fmt.Sprintf("discovery: the authority refused the request for its OpenID configuration: AADSTS %v", e.Numbers)
}

// failureOf is the error of an answer that is no configuration. Other answers than Entra's own
// refusals may come from anything in between.
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
