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
	// maxPending bounds how many sessions' tokens wait; they are about 15 kB each.
	maxPending = 2_000
	// retryFirst and retryMost are the pauses before the tokens are stored again.
	retryFirst = time.Second
	retryMost  = 5 * time.Second
	// maxLocked is how many sessions in a row must be locked to mean that the storage stalls:
	// each costs as long as one may wait for a lock.
	maxLocked = 3
)

// pending are the tokens of a renewal that could not be stored yet because the storage failed,
// or not even be verified because the authority's keys are unavailable. The refresh token that
// was given for them may be spent: Entra lets the old one live on, other authorities do not.
// So they are kept until the session ends, and everybody who needs the session's tokens in
// this process starts from them (threat G14), if they are verified (B8). It is immutable.
type pending struct {
	cache      *recorded
	version    []byte             // they were made from
	content    []byte             // to be stored
	unverified *authority.Renewed // to be verified first, or nil
}

// rebase returns the pending tokens merged with what others have stored since.
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

// mergeInto merges the pending tokens into content, which may not have been made from them.
func (p *pending) mergeInto(content []byte) ([]byte, error) {
	if bytes.Equal(p.content, content) {
		return content, nil
	}
	return tokencache.Merged(content, p.content)
}

func newPendingQueue(r *Renewer) *retryqueue.Queue[*pending] {
	return retryqueue.New[*pending](r.Background, retryqueue.Options{
		What: "storing renewed tokens", Max: maxPending, First: retryFirst, Most: retryMost,
		Round: r.storePending,
		Abandon: func(left int) {
			r.Log.LogAttrs(context.Background(), slog.LevelError,
				"closed while renewed tokens were not stored: the old refresh tokens are used again", slog.Int("sessions", left))
		},
	})
}

// keep has tokens verified and stored later. Those of a sign-in that has no session yet are
// dropped: the sign-in fails.
func (r *Renewer) keep(ctx context.Context, q *Request, p pending) {
	cache, isRecorded := q.cache.(*recorded)
	if !isRecorded || p.version == nil {
		return
	}
	p.cache = cache
	if !r.pending.Put(q.session.ID, &p) {
		r.Log.LogAttrs(ctx, slog.LevelError, "renewed tokens are lost: too many wait to be stored already")
	}
}

// withPending returns the tokens of a session, given its record. Pending ones are newer.
func (r *Renewer) withPending(id string, version, stored []byte) (content []byte, err error) {
	content = stored
	err = r.pending.Change(id, func(p *pending) (*pending, error) {
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
	// errLocked is a session whose lock could not be had in time: a renewal is under way, or
	// the storage stalls.
	errLocked = errors.New("fibermsal: a session is locked")
)

// storePending stops at the first failure of the storage, and ends before Close does. While
// keys are unavailable, tokens that need none are stored all the same.
func (r *Renewer) storePending(ids []string) {
	noKeys, locked := false, 0
	for _, id := range ids {
		if r.Background.Context().Err() != nil || locked == maxLocked {
			return
		}
		if p, waiting := r.pending.Get(id); !waiting || p.unverified != nil && noKeys {
			continue
		}
		switch err := r.storeOne(id); {
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

// storeOne takes turns with the session's renewals. Otherwise it would store what one of them
// has just replaced.
func (r *Renewer) storeOne(id string) error {
	ctx, cancel := context.WithTimeout(r.Background.Context(), retryFirst)
	defer cancel()
	release, err := r.Records.Lock(ctx, id)
	if err != nil {
		return errLocked
	}
	defer release()
	p, waiting := r.pending.Get(id)
	if !waiting {
		return nil
	}
	if p.unverified != nil {
		switch err := r.Authority.VerifyRenewed(ctx, p.unverified, holderOf(p.cache.session)); {
		case errors.Is(err, autherr.Unavailable):
			return errUnverified
		case err != nil:
			r.pending.Remove(id)
			return r.endMismatched(ctx, p.cache.session, err)
		}
		p = &pending{cache: p.cache, version: p.version, content: p.content}
		r.pending.Put(id, p)
	}
	if err := p.cache.Swap(ctx, p.version, p.content); err != nil {
		return err
	}
	r.pending.Remove(id)
	return nil
}

// endMismatched ends a session whose renewal returned tokens of another user (OpenID Connect
// Core section 12.2; threat B8).
func (r *Renewer) endMismatched(ctx context.Context, s *session.Session, mismatch error) error {
	r.Log.LogAttrs(ctx, slog.LevelError, "session ended: a refresh returned another user's tokens", slog.Any("error", mismatch))
	if err := r.Sessions.End(ctx, s.ID); err != nil {
		return err
	}
	return autherr.LoginRequired.New("refresh_mismatch", nil)
}

func holderOf(s *session.Session) authority.Holder {
	return authority.Holder{Account: s.Account, TenantID: s.User.TenantID, UserID: s.User.ID, Subject: s.User.Subject}
}
