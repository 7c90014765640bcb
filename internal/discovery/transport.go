// Package discovery reads an authority's OpenID configuration, once per process.
//
// MSAL asks for it again with every new client, and fibermsal makes a client
// per session: without a shared cache, 100 sessions cost 100 calls
// (threat G17). [Transport] sits below MSAL and answers those calls.
package discovery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/fibermsal/fibermsal/internal/outbound"
)

const (
	// path is where OpenID Connect Discovery 1.0 section 4 puts the document.
	path = "/.well-known/openid-configuration"
	// version is in front of it, and at the end of every issuer.
	version = "/v2.0"

	maxAge = 24 * time.Hour
	// maxStale is how much longer an old document serves while the authority
	// does not answer.
	maxStale = 24 * time.Hour

	// retryPause is how long a failure is remembered, so that a crowd of sign-ins
	// does not wait for a dead authority one after the other.
	retryPause = time.Second

	fetchTimeout = 10 * time.Second

	// maxBody bounds every answer of the authority (threat G8): MSAL reads
	// without limit.
	maxBody = 1 << 20
	// maxDocuments is far more than an app has authorities.
	maxDocuments = 64
)

var errRecentFailure = errors.New("discovery: the authority failed to answer a moment ago")

// Transport is a RoundTripper that answers requests for an OpenID
// configuration from memory and limits the size of every answer. It is safe
// for concurrent use.
type Transport struct {
	base http.RoundTripper

	mu        sync.Mutex
	documents map[string]*document
}

// NewTransport makes a Transport that sends what it cannot answer through base.
func NewTransport(base http.RoundTripper) *Transport {
	return &Transport{base: base, documents: make(map[string]*document)}
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, path) {
		if d := t.document(r.URL.Scheme + "://" + r.URL.Host + r.URL.Path); d != nil {
			return d.answer(r, t.base)
		}
	}
	resp, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = outbound.Bound(resp.Body, maxBody)
	return resp, nil
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the base.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (t *Transport) document(key string) *document {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.documents[key]
	if d == nil && len(t.documents) < maxDocuments {
		d = new(document)
		t.documents[key] = d
	}
	return d
}

// document is one cached answer.
type document struct {
	flight singleflight.Group

	mu        sync.Mutex // guards what follows
	header    http.Header
	body      []byte
	fetchedAt time.Time
	failedAt  time.Time
}

// answer gives what is remembered if that is young enough. An old one serves while
// a new one is fetched behind its back; only without any does the request wait.
func (d *document) answer(r *http.Request, base http.RoundTripper) (*http.Response, error) {
	resp, age, mayFetch := d.remembered(r)
	if resp != nil && age < maxAge {
		return resp, nil
	}
	if !mayFetch {
		if resp == nil {
			return nil, errRecentFailure
		}
		return resp, nil
	}
	fetched := d.flight.DoChan("", func() (any, error) { return nil, d.fetch(r.URL, base) }) //nolint:contextcheck // see fetch
	if resp != nil {
		return resp, nil
	}
	select {
	case result := <-fetched:
		if result.Err != nil {
			return nil, result.Err
		}
		resp, _, _ = d.remembered(r)
		return resp, nil
	case <-r.Context().Done():
		return nil, context.Cause(r.Context())
	}
}

// remembered is the answer there is, or nil without one or with one too old, and
// whether it is time to ask for another.
func (d *document) remembered(r *http.Request) (resp *http.Response, age time.Duration, mayFetch bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	age = time.Since(d.fetchedAt)
	if d.body != nil && age < maxAge+maxStale {
		resp = d.response(r)
	}
	return resp, age, time.Since(d.failedAt) >= retryPause
}

// fetch has a deadline of its own: a request that gives up must not be a failure
// for those that wait with it.
func (d *document) fetch(u *url.URL, base http.RoundTripper) error {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return err
	}
	resp, err := base.RoundTrip(r) //nolint:bodyclose // keep closes it
	if err == nil {
		err = d.keep(r, resp)
	}
	if err != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.failedAt = time.Now()
	}
	return err
}

// keep remembers an answer that speaks for the authority it came from. Any other
// is an error, also for MSAL, which would send the secret where it says.
func (d *document) keep(r *http.Request, resp *http.Response) error {
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("discovery: the OpenID configuration answered with status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(outbound.Bound(resp.Body, maxBody))
	if err != nil {
		return fmt.Errorf("discovery: reading the OpenID configuration: %w", err)
	}
	m, err := parse(body)
	if err != nil {
		return err
	}
	if err := m.validate(r.URL.Scheme + "://" + r.URL.Host + strings.TrimSuffix(r.URL.Path, version+path)); err != nil {
		return err
	}
	// Only what somebody uses is kept: MSAL's new client of each sign-in and renewal decodes
	// the document, slowly, and Entra's is five times as long.
	if body, err = json.Marshal(m); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.header, d.body, d.fetchedAt = resp.Header.Clone(), body, time.Now()
	d.header.Del("Content-Length")
	return nil
}

func (d *document) response(r *http.Request) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: d.header.Clone(), Body: io.NopCloser(bytes.NewReader(d.body)),
		ContentLength: int64(len(d.body)), Request: r,
	}
}
