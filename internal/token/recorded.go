package token

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/msalcache"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/telemetry"
	"github.com/fibermsal/fibermsal/internal/tokencache"
	"github.com/fibermsal/fibermsal/internal/turn"
)

// How long a write waits before it retries after a conflict. Renewals of a session take turns, so
// conflicts are rare. An app may use many MSAL clients of its own, which take turns once they have
// collided.
const (
	swapPause    = time.Millisecond
	maxSwapPause = 100 * time.Millisecond
	// swapPatience is the time limit for the retries of a caller whose context has no deadline. It
	// begins with the caller's turn, because a long wait for the turn does not mean that the storage is
	// slow.
	swapPatience = 10 * time.Second
	turnPatience = time.Minute
)

// recorded is the MSAL cache in a session's record. Its version is the sealed record itself, because no
// two sealed records are equal.
type recorded struct {
	pending *pendingWrites
	session *session.Session
}

var _ msalcache.Cache = (*recorded)(nil)

// Load implements msalcache.Cache.
func (c *recorded) Load(ctx context.Context) (content, version []byte, err error) {
	w, id := c.pending, c.session.ID
	sealed, err := w.Records.Sealed(ctx, id, record.Tokens)
	if err == nil {
		content, err = w.Records.Open(id, record.Tokens, sealed)
	}
	switch {
	case errors.Is(err, record.ErrNotFound):
		return nil, nil, nil
	case errors.Is(err, record.ErrUnknownKey):
		// Leave the record alone, because another instance may already have a newer configuration.
		w.Log.LogAttrs(ctx, slog.LevelWarn, "tokens sealed with a key that is not in Config.Keys", telemetry.SessionAttr(id))
		return nil, nil, nil
	case errors.Is(err, record.ErrCorrupt):
		// The session is valid, but its tokens cannot be read, so the user has to sign in again.
		w.Telemetry.Audit(ctx, slog.LevelWarn, telemetry.EventSealMismatch, c.session.Subject(), slog.String("reason", "seal_mismatch"))
		return nil, nil, nil
	case err != nil:
		return nil, nil, autherr.StorageUnavailable(err)
	}
	content, err = w.withPending(id, sealed, content)
	return content, sealed, err
}

// Swap implements msalcache.Cache.
func (c *recorded) Swap(ctx context.Context, version, content []byte) error {
	ttl := c.pending.Sessions.Remaining(c.session)
	if ttl < time.Second || version == nil {
		return nil // the session has ended
	}
	if !c.pending.collisions.any(c.session.ID) {
		changed, err := c.trySwap(ctx, version, content, ttl)
		if !changed {
			return err
		}
	}
	return c.swapInTurn(ctx, content, ttl)
}

// swapInTurn is like swapMerged, but waits for its turn behind earlier writes that have collided.
func (c *recorded) swapInTurn(ctx context.Context, content []byte, ttl time.Duration) error {
	defer c.pending.collisions.begin(c.session.ID)()
	waiting, cancel := context.WithTimeout(ctx, turnPatience)
	defer cancel()
	release, err := c.pending.Records.LockWrites(waiting, c.session.ID)
	if err != nil {
		return autherr.StorageUnavailable(err)
	}
	defer release()
	turn.Again(ctx) // the turn has ended during the wait for the lock
	return c.swapMerged(ctx, content, ttl)
}

// swapMerged merges content with the stored content and stores the result. It retries while other
// writers are faster.
func (c *recorded) swapMerged(ctx context.Context, content []byte, ttl time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, swapPatience)
	defer cancel()
	for pause := swapPause; ; pause = min(2*pause, maxSwapPause) {
		version, merged, err := c.merged(ctx, content)
		if err != nil || version == nil {
			return err
		}
		content = merged
		changed, err := c.trySwap(ctx, version, content, ttl)
		if !changed {
			return err
		}
		select {
		case <-time.After(rand.N(pause)): //nolint:gosec // spreads load, keeps no secret
		case <-ctx.Done():
			return autherr.StorageUnavailable(context.Cause(ctx))
		}
	}
}

// trySwap stores content together with pending tokens, unless the record has changed since the version,
// which it reports. It is not an error if the session has ended, because the sign-out takes precedence
// (threat D8).
func (c *recorded) trySwap(ctx context.Context, version, content []byte, ttl time.Duration) (changed bool, err error) {
	id, queue := c.session.ID, c.pending.queue
	waiting, merge := queue.Get(id)
	if merge = merge && waiting.unverified == nil && bytes.Equal(waiting.version, version); merge {
		if content, err = waiting.mergeInto(content); err != nil {
			return false, err
		}
	}
	err = c.pending.Records.Swap(ctx, id, record.Tokens, version, content, ttl)
	switch {
	case err == nil:
		if merge {
			queue.RemoveIf(id, func(p *pending) bool { return p == waiting })
		}
		return false, nil
	case errors.Is(err, record.ErrNotFound):
		return false, nil
	case errors.Is(err, record.ErrChanged):
		return true, nil
	}
	return false, autherr.StorageUnavailable(err)
}

// merged returns content merged with the stored content, and the version of the stored content.
func (c *recorded) merged(ctx context.Context, content []byte) (version, merged []byte, err error) {
	theirs, version, err := c.Load(ctx)
	if err != nil || version == nil {
		return nil, nil, err
	}
	merged, err = tokencache.Merged(content, theirs)
	return version, merged, err
}
