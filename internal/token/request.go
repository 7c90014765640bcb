// Package token returns users' access tokens and the app's own: remembered ones while they
// live, and renewed ones once for all who need them, in all instances.
package token

import (
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/msalcache"
	"github.com/fibermsal/fibermsal/internal/session"
)

// Request is a request for an access token of a session. It is passed by value until it leaves
// the caller's goroutine, because most requests find the token remembered and must not
// allocate.
type Request struct {
	session *session.Session
	cache   msalcache.Cache
	scopes  []string
	key     string // of the scopes, whatever their order
	// rejected is a token that an API does not accept although it has not expired.
	rejected string
	caller   trace.Link // the request that asked first
}

// Request returns the request for a token of a session, whose tokens are in a cache. No
// scopes, and Graph's .default, are the configured ones. Other scopes are copied, because they
// may alias a request's buffer, which a renewal outlives (trap T10).
func (r *Renewer) Request(s *session.Session, cache msalcache.Cache, requested []string) Request {
	scopes := r.Authority.Scopes.ForToken(requested)
	if scopes == nil {
		return Request{session: s, cache: cache, scopes: r.Authority.Scopes.Configured(), key: r.Authority.Scopes.ConfiguredKey()}
	}
	for i, scope := range scopes {
		scopes[i] = strings.Clone(scope)
	}
	return Request{session: s, cache: cache, scopes: scopes, key: authority.Key(scopes)}
}
