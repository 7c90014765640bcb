// Package token returns access tokens of users and of the app itself. Tokens are cached until they are
// about to expire, and renewed once for all concurrent callers in all instances.
package token

import (
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/msalcache"
	"github.com/fibermsal/fibermsal/internal/session"
)

// Request is a request for an access token of a session. It is passed by value in the caller's
// goroutine, because in most requests the token is cached and nothing must be allocated.
type Request struct {
	session *session.Session
	cache   msalcache.Cache
	scopes  []string
	key     string // of the scopes, independent of their order
	// rejected is a token that an API does not accept although it has not expired.
	rejected string
	// assertion is the caller's access token, if the session stands for one.
	assertion string
	caller    trace.Link // the first request
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
