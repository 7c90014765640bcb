package token

import (
	"context"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/msalcache"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/turn"
)

// queued is a session's record for the MSAL clients of an app. The app may use many clients
// concurrently, so each waits for its turn at the processor before the time limits of the storage
// begin. Otherwise a busy processor would be mistaken for an outage.
type queued struct {
	msalcache.Cache

	turns *turn.Queue
}

// QueuedCacheOf returns the MSAL cache of a session for clients of the app.
func (r *Renewer) QueuedCacheOf(s *session.Session) msalcache.Cache {
	return &queued{r.CacheOf(s), r.clientTurns}
}

// Load implements msalcache.Cache.
func (q *queued) Load(ctx context.Context) (content, version []byte, err error) {
	ctx, done, err := q.turns.Take(ctx, turnPatience)
	if err != nil {
		return nil, nil, autherr.TryLater("no_turn", err)
	}
	defer done()
	return q.Cache.Load(ctx)
}

// Swap implements msalcache.Cache.
func (q *queued) Swap(ctx context.Context, version, content []byte) error {
	ctx, done, err := q.turns.Take(ctx, turnPatience)
	if err != nil {
		return autherr.TryLater("no_turn", err)
	}
	defer done()
	return q.Cache.Swap(ctx, version, content)
}
