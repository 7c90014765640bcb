package token

import (
	"context"

	"github.com/fibermsal/fibermsal/internal/msalcache"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/turn"
)

// Renewer returns and renews users' tokens. It is safe for concurrent use.
type Renewer struct {
	Options
	*source
	pending *pendingWrites

	clientTurns *turn.Queue // of the app's own MSAL clients
}

// NewRenewer returns a Renewer.
func NewRenewer(o Options) *Renewer {
	r := &Renewer{Options: o, pending: newPendingWrites(o), clientTurns: turn.NewQueue()}
	r.source = &source{
		memory: memory{o.Sessions.Cache()}, telemetry: o.Telemetry, background: o.Background, turns: turn.NewQueue(),
		acquire: func(ctx context.Context, q Request, early bool) (stored, error) {
			return (&renewal{Renewer: r, request: q, early: early}).acquire(ctx)
		},
	}
	return r
}

// CacheOf returns the MSAL cache of a session.
func (r *Renewer) CacheOf(s *session.Session) msalcache.Cache { return &recorded{r.pending, s} }

// Request returns the request for a token of a session whose tokens are in a cache. No scopes, and
// Graph's .default, stand for the configured scopes. Other scopes are copied, because they may alias a
// request's buffer, and a renewal outlives the request (trap T10).
func (r *Renewer) Request(s *session.Session, cache msalcache.Cache, requested []string) Request {
	q := requestFor(r.Authority.Scopes, s, requested)
	q.cache = cache
	return q
}
