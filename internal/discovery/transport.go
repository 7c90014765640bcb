// Package discovery fetches an authority's OpenID configuration once per process.
//
// Every new MSAL client fetches it again, and fibermsal makes a client per session.
// Without a shared cache, 100 sessions would cost 100 calls (threat G17). [Transport]
// is MSAL's transport and answers those calls.
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
	// path is the path of the document by OpenID Connect Discovery 1.0 section 4.
	path = "/.well-known/openid-configuration"
	// version precedes path, and is the end of every issuer.
	version = "/v2.0"

	maxAge = 24 * time.Hour
	// maxStale is how much longer an old document is used while the authority does
	// not answer.
	maxStale = 24 * time.Hour

	// retryPause is how long a failure is remembered, so that many sign-ins do not
	// wait one after another for an authority that does not answer.
	retryPause = time.Second

	fetchTimeout = 10 * time.Second

	// maxBody bounds every answer of the authority (threat G8), because MSAL reads
	// bodies without a limit.
	maxBody = 1 << 20
	// maxDocuments bounds the cache, from which the least recently used are dropped. Each tenant
	// whose users call an API has one, of some kilobytes.
	maxDocuments = 1000
)

// Transport is a RoundTripper that answers requests for an OpenID
// configuration from memory and limits the size of every answer. It is safe
// for concurrent use.
type Transport struct {
	base     http.RoundTripper
	clientID string // of the app whose signing keys are wanted, or ""

	mu        sync.Mutex
	documents *simplelru.LRU[string, *document]
}

// NewTransport makes a Transport that sends what it cannot answer through base.
func NewTransport(base http.RoundTripper) *Transport { return NewTransportFor("", base) }

// NewTransportFor makes a Transport for an app. Entra publishes an app's own signing keys, which
// it has with a claims mapping policy or SAML single sign-on, only to requests that name the app
// (trap M7), so every request for a configuration does. The jwks_uri in it then leads to them.
func NewTransportFor(clientID string, base http.RoundTripper) *Transport {
	documents, err := simplelru.NewLRU[string, *document](maxDocuments, nil)
	if err != nil {
		panic(err) // only if maxDocuments were not positive
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

// known returns what is remembered of an address, or nil if that is nothing under this spelling.
func (t *Transport) known(address string) *document {
	if strings.Contains(address, "%") { // the path in a key is decoded
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	d, _ := t.documents.Get(address)
	return d
}

// document returns what is remembered of an address, whose query it sets and which it keeps.
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
