package token

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/retryqueue"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/tokencache"
)

const (
	// maxPending is how many sessions' tokens may wait; they take about 15 kB each.
	maxPending = 2_000
	// retryFirst and retryMost are the shortest and longest pauses before storing is retried.
	retryFirst = time.Second
	retryMost  = 5 * time.Second
	// maxLocked is how many sessions in a row must be locked to conclude that the storage stalls. Each
	// of them costs the full time limit for a lock.
	maxLocked = 3
)

// pending contains the tokens of a renewal that could not be stored yet because the storage failed, or
// could not even be verified because the authority's keys are unavailable. The refresh token that was
// exchanged for them may no longer be valid: Entra keeps the old one valid, other authorities do not.
// So they are kept until the session ends, and once they are verified (B8), every renewal in this
// process starts from them (threat G14). It is immutable.
type pending struct {
	cache      *recorded
	version    []byte             // from which they were made
	content    []byte             // to be stored
	unverified *authority.Renewed // to be verified first, or nil
}

// rebase returns the pending tokens merged with tokens that others have stored since.
func (p *pending) rebase(version, stored []byte) (*pending, error) {
	if bytes.Equal(version, p.version) {
		return p, nil
	}
	merged, err := tokencache.Merged(p.content, stored)
	if err != nil {
		return nil, err
	}
	return &pending{cache: p.cache, version: version, content: merged}, nil
}

// mergeInto merges the pending tokens into content, which may not have been derived from them.
func (p *pending) mergeInto(content []byte) ([]byte, error) {
	if bytes.Equal(p.content, content) {
		return content, nil
	}
	return tokencache.Merged(content, p.content)
}

// pendingWrites stores pending tokens when the storage is back.
type pendingWrites struct {
	Options
	queue      *retryqueue.Queue[*pending]
	collisions *collisions
}

func newPendingWrites(o Options) *pendingWrites {
	w := &pendingWrites{Options: o, collisions: newCollisions()}
	w.queue = retryqueue.New[*pending](o.Background, retryqueue.Options{
		What: "storing renewed tokens", Max: maxPending, First: retryFirst, Most: retryMost,
		Round: w.storeAll,
		Abandon: func(left int) {
			o.Log.LogAttrs(context.Background(), slog.LevelError,
				"closed while renewed tokens were not stored: the old refresh tokens are used again", slog.Int("sessions", left))
		},
	})
	return w
}

// keep queues tokens to be verified and stored later. Tokens of a sign-in that has no session yet are
// dropped, because the sign-in fails.
func (w *pendingWrites) keep(ctx context.Context, q *Request, p pending) {
	cache, isRecorded := q.cache.(*recorded)
	if !isRecorded || p.version == nil {
		return
	}
	p.cache = cache
	if !w.queue.Put(q.session.ID, &p) {
		w.Log.LogAttrs(ctx, slog.LevelError, "renewed tokens dropped: the queue of those to be stored is full")
	}
}

// withPending returns the tokens of a session, given its record. Pending tokens are newer than the record.
func (w *pendingWrites) withPending(id string, version, stored []byte) (content []byte, err error) {
	content = stored
	err = w.queue.Change(id, func(p *pending) (*pending, error) {
		if p.unverified != nil {
			return p, nil
		}
		rebased, err := p.rebase(version, stored)
		if err == nil {
			content = rebased.content
		}
		return rebased, err
	})
	return content, err
}

var (
	errUnverified = errors.New("fibermsal: renewed tokens cannot be verified yet")
	// errLocked means that the lock of a session was not obtained in time, because a renewal is in
	// progress or the storage stalls.
	errLocked = errors.New("fibermsal: a session is locked")
)

// storeAll stores the tokens of sessions. It stops at the first failure of the storage, and ends before
// Close does. While keys are unavailable, tokens that are already verified are still stored.
func (w *pendingWrites) storeAll(ids []string) {
	noKeys, locked := false, 0
	for _, id := range ids {
		if w.Background.Context().Err() != nil || locked == maxLocked {
			return
		}
		if p, waiting := w.queue.Get(id); !waiting || p.unverified != nil && noKeys {
			continue
		}
		switch err := w.storeOne(id); {
		case errors.Is(err, errLocked):
			locked++
			continue
		case errors.Is(err, errUnverified):
			noKeys = true
		case err != nil:
			return
		}
		locked = 0
	}
}

// storeOne stores the tokens of one session. It holds the session's lock, because it could otherwise
// store tokens that a renewal has just replaced.
func (w *pendingWrites) storeOne(id string) error {
	ctx, cancel := context.WithTimeout(w.Background.Context(), retryFirst)
	defer cancel()
	release, err := w.Records.Lock(ctx, id)
	if err != nil {
		return errLocked
	}
	defer release()
	p, waiting := w.queue.Get(id)
	if !waiting {
		return nil
	}
	if p.unverified != nil {
		switch err := w.Authority.VerifyRenewed(ctx, p.unverified, holderOf(p.cache.session)); {
		case errors.Is(err, autherr.Unavailable):
			return errUnverified
		case err != nil:
			w.queue.Remove(id)
			return w.endMismatched(ctx, p.cache.session, err)
		}
		p = &pending{cache: p.cache, version: p.version, content: p.content}
		w.queue.Put(id, p)
	}
	if err := p.cache.Swap(ctx, p.version, p.content); err != nil {
		return err
	}
	w.queue.Remove(id)
	return nil
}

// endMismatched ends a session whose renewal returned tokens of another user (OpenID Connect
// Core section 12.2; threat B8).
func (w *pendingWrites) endMismatched(ctx context.Context, s *session.Session, mismatch error) error {
	w.Log.LogAttrs(ctx, slog.LevelError, "session ended: a refresh returned another user's tokens", slog.Any("error", mismatch))
	if err := w.Sessions.End(ctx, s.ID); err != nil {
		return err
	}
	return autherr.LoginRequired.New("refresh_mismatch", nil)
}

func holderOf(s *session.Session) authority.Holder {
	return authority.Holder{Account: s.Account, TenantID: s.User.TenantID, UserID: s.User.ID, Subject: s.User.Subject}
}
