// Package discovery fetches an authority's OpenID configuration once per process.
//
// Every new MSAL client requests it, and fibermsal creates a client per session and call. Without a
// shared cache, 100 sessions would cost 100 calls (threat G17). [Transport] is MSAL's transport and
// answers these calls from memory.
package discovery

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/fibermsal/fibermsal/internal/outbound"
)

const (
	// path is the path of the document (OpenID Connect Discovery 1.0 section 4).
	path = "/.well-known/openid-configuration"
	// version precedes path, and every issuer ends with it.
	version = "/v2.0"

	maxAge = 24 * time.Hour
	// maxStale is how much longer an old document is used while the authority does
	// not answer.
	maxStale = 24 * time.Hour

	// retryPause is the minimum time between a failure and a retry, so that many sign-ins do not wait
	// one after another for an authority that does not answer.
	retryPause = time.Second

	fetchTimeout = 10 * time.Second

	// maxBody is the size limit of every answer of the authority (threat G8), because MSAL reads bodies
	// without a limit.
	maxBody = 1 << 20
	// maxDocuments is the size limit of the cache, from which the least recently used documents are
	// evicted. Each tenant whose users call an API has a document of a few kilobytes.
	maxDocuments = 1000
)

// Transport is a RoundTripper that answers requests for an OpenID
// configuration from memory and limits the size of every answer. It is safe
// for concurrent use.
type Transport struct {
	base     http.RoundTripper
	clientID string // of the app whose signing keys are requested, or ""

	mu        sync.Mutex
	documents *simplelru.LRU[string, *document]
}

// NewTransport returns a Transport that sends requests that it cannot answer through base.
func NewTransport(base http.RoundTripper) *Transport { return NewTransportFor("", base) }

// NewTransportFor returns a Transport for an app. An app with a claims mapping policy or SAML single
// sign-on has its own signing keys, which Entra publishes only in responses to requests with the client
// ID (trap M7). So every request for a configuration contains the client ID, and the jwks_uri in the
// configuration then leads to these keys.
func NewTransportFor(clientID string, base http.RoundTripper) *Transport {
	documents, err := simplelru.NewLRU[string, *document](maxDocuments, nil)
	if err != nil {
		panic(err) // happens only if maxDocuments is not positive
	}
	return &Transport{base: base, clientID: clientID, documents: documents}
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, version+path) {
		u := *r.URL
		kept, err := t.document(&u).get(r.Context(), t.base)
		if err != nil {
			return nil, err
		}
		return kept.response(r), nil
	}
	resp, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = outbound.Bound(resp.Body, maxBody)
	return resp, nil
}

// CloseIdleConnections closes the idle connections of the base.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// known returns the cached document for a URL, or nil if there is none under this spelling.
func (t *Transport) known(address string) *document {
	if strings.Contains(address, "%") { // the path in a key is decoded
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	d, _ := t.documents.Get(address)
	return d
}

// document returns the cached document for a URL, or creates it. It sets the query of the URL and retains the URL.
func (t *Transport) document(u *url.URL) *document {
	key := u.Scheme + "://" + u.Host + u.Path
	u.RawQuery, u.ForceQuery = "", false
	if t.clientID != "" {
		u.RawQuery = url.Values{"appid": {t.clientID}}.Encode()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	d, ok := t.documents.Get(key)
	if !ok {
		d = &document{address: u}
		t.documents.Add(key, d)
	}
	return d
}
