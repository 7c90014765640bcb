// Package token returns access tokens of users and of the app itself. Tokens are remembered until
// they are about to expire, and renewed once for all concurrent callers in all instances.
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
	// assertion is the access token that stands for the session, if it is a client's.
	assertion string
	caller    trace.Link // the request that asked first
}

// requestFor returns the request for a token with scopes.
func requestFor(rules *authority.Scopes, s *session.Session, requested []string) Request {
	scopes := rules.ForToken(requested)
	if scopes == nil {
		return Request{session: s, scopes: rules.Configured(), key: rules.ConfiguredKey()}
	}
	for i, scope := range scopes {
		scopes[i] = strings.Clone(scope)
	}
	return Request{session: s, scopes: scopes, key: authority.Key(scopes)}
}
