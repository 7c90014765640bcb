package token

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/telemetry"
	"github.com/fibermsal/fibermsal/internal/tokencache"
)

// renewal is one renewal for all concurrent callers that request the same token.
type renewal struct {
	*Renewer
	request Request
	early   bool // the token is still usable but expires soon
}

// acquire returns the token in the session's record if it satisfies the request, and otherwise renews
// it, once among all instances. With an error, it returns the record that it found.
func (n *renewal) acquire(ctx context.Context) (stored, error) {
	found, err := n.load(ctx)
	if err != nil || n.satisfiedBy(found) {
		return n.served(found, err)
	}
	state := n.memory.state(&n.request)
	if err := state.rejectedFrom(string(found.version), time.Now()); err != nil {
		return found, err
	}
	release, err := n.lock(ctx)
	if err != nil {
		return found, err
	}
	defer release()
	locked, err := n.load(ctx)
	if err != nil || n.satisfiedBy(locked) { // another instance has renewed it in the meantime
		return n.served(locked, err)
	}
	return n.refresh(ctx, locked)
}

// served returns a token from the storage, or the error of reading it.
func (n *renewal) served(found stored, err error) (stored, error) {
	if err == nil {
		n.Telemetry.TokenFromStorage()
	}
	return found, err
}

// load reads the session's record.
func (n *renewal) load(ctx context.Context) (stored, error) {
	content, version, err := n.request.cache.Load(ctx)
	if err != nil {
		return stored{}, err
	}
	cache, err := tokencache.Parse(content)
	if err != nil {
		return stored{}, autherr.LoginRequired.New("tokens_unreadable", nil)
	}
	found := stored{version: version, cache: cache}
	found.token, _ = cache.Find(n.Authority.Owner(n.request.session.Account), n.request.scopes)
	return found, nil
}

// satisfiedBy reports whether a stored token need not be renewed.
func (n *renewal) satisfiedBy(found stored) bool {
	now := time.Now()
	if n.request.rejected != "" && found.token.Secret == n.request.rejected {
		return false
	}
	if n.early && !now.Before(found.token.RenewAt()) {
		return false
	}
	return found.token.Usable(now)
}

func (n *renewal) lock(ctx context.Context) (release func(), err error) {
	began := time.Now()
	release, err = n.Records.Lock(ctx, n.request.session.ID)
	n.Telemetry.LockWaited(ctx, began, err)
	if err != nil {
		return nil, autherr.TryLater(autherr.ReasonLockWait, err)
	}
	return release, nil
}

// refresh renews the token at Entra. The session is locked.
func (n *renewal) refresh(ctx context.Context, found stored) (stored, error) {
	if p, waiting := n.pending.queue.Get(n.request.session.ID); waiting && p.unverified != nil { // its refresh token has been used
		return found, autherr.TryLater(autherr.ReasonKeys, nil)
	}
	ctx, end := n.Telemetry.Span(ctx, "fibermsal refresh", trace.WithLinks(n.request.caller))
	began := time.Now()
	token, err := n.callEntra(ctx, found)
	n.Telemetry.Refreshed(ctx, began, err)
	end(err)
	if err != nil {
		n.audit(ctx, found, err)
	}
	if errors.Is(err, autherr.LoginRequired) {
		// If this process has lost the lock, another one may have used the refresh token.
		if latest, loadErr := n.load(ctx); loadErr == nil && n.satisfiedBy(latest) {
			return latest, nil
		}
	}
	found.token = token
	return found, err
}

// audit records a failure. If Entra requires the user at the first request for scopes, for example to
// consent, that is recorded as a different event, because nothing has failed that worked before.
func (n *renewal) audit(ctx context.Context, found stored, err error) {
	level, event := slog.LevelWarn, telemetry.EventRefreshFailed
	if found.token.Secret == "" && requiresUser(err) {
		level, event = slog.LevelInfo, telemetry.EventUserRequired
	}
	n.Telemetry.AuditFailure(ctx, level, event, n.request.session.Subject(), err)
}

// requiresUser reports whether Entra has accepted the refresh token but requires the user for the
// scopes.
func requiresUser(err error) bool {
	return errors.Is(err, autherr.ConsentRequired) || errors.Is(err, autherr.ClaimsChallenge) ||
		errors.Is(err, autherr.LoginRequired) && autherr.ReasonOf(err) == "interaction_required"
}

// callEntra renews the token at Entra, verifies the result and stores it. It replaces only the version
// from which the result was made.
func (n *renewal) callEntra(ctx context.Context, from stored) (tokencache.Token, error) {
	if err := n.Authority.CanVerify(ctx); err != nil {
		return tokencache.Token{}, err
	}
	q := &n.request
	renewed, err := n.Authority.Renew(ctx, q.session.Account, q.scopes, from.cache)
	if err != nil {
		return tokencache.Token{}, err
	}
	switch err := n.Authority.VerifyRenewed(ctx, renewed, holderOf(q.session)); {
	case errors.Is(err, autherr.Unavailable): // needs keys that are newer than the cached ones
		n.pending.keep(ctx, q, pending{version: from.version, content: renewed.Cache, unverified: renewed})
		return tokencache.Token{}, err
	case err != nil:
		return tokencache.Token{}, n.pending.endMismatched(ctx, q.session, err)
	}
	n.save(ctx, q, from.version, renewed.Cache)
	return renewed.Token, nil
}

// save stores renewed tokens. If the storage fails, the new token can still be used, and the tokens are
// stored when the storage is back.
func (n *renewal) save(ctx context.Context, q *Request, version, content []byte) {
	if err := q.cache.Swap(ctx, version, content); err != nil {
		n.Log.LogAttrs(ctx, slog.LevelWarn, "renewed tokens not stored yet", slog.Any("error", err))
		n.pending.keep(ctx, q, pending{version: version, content: content})
	}
}
