package token

import (
	"errors"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/tokencache"
)

const (
	// rejectedFor is how long the rejection of a refresh token or assertion is cached, because only a
	// new session, or a client with a new token, has another one. brokenFor is how long a rejection of
	// the app is cached, which an administrator must fix, or a missing consent, which users and
	// administrators can give without a new token.
	rejectedFor = 10 * time.Minute
	brokenFor   = 30 * time.Second
)

// tokenState is the cached state of a session's token for some scopes: the token and, after a failed
// renewal, the error and the pause before the next attempt. It is immutable.
type tokenState struct {
	token   azcore.AccessToken
	renewAt time.Time

	lastErr *autherr.Error
	retryAt time.Time
	// failedVersion is the version of the record whose refresh token was rejected, if that was the
	// failure.
	failedVersion []byte

	replacedAt time.Time // when a token was replaced because an API had rejected it
	replaced   string    // that token
}

// attachmentKind is the kind of tokens that are attached to cached sessions.
const attachmentKind = "token"

// memory is the cache of tokens, which are attached to the cached sessions.
type memory struct{ sessions *session.Cache }

// state returns the cached state of the token of a request.
func (m memory) state(q *Request) tokenState {
	if k, ok := m.sessions.Attached(q.session.ID, session.Attachment{Kind: attachmentKind, Name: q.key}).(*tokenState); ok {
		return *k
	}
	return tokenState{}
}

// update replaces the cached state of the token of a request with a copy that change has modified.
func (m memory) update(q *Request, change func(*tokenState)) {
	m.sessions.Attach(q.session.ID, session.Attachment{Kind: attachmentKind, Name: q.key}, func(old any) (any, int) {
		next := new(tokenState)
		if k, ok := old.(*tokenState); ok {
			*next = *k
		}
		change(next)
		return next, len(next.token.Token)
	})
}

// usable reports whether there is a token that can be returned and is not the rejected one.
func (k *tokenState) usable(now time.Time, rejected string) bool {
	return tokencache.Token{ExpiresOn: k.token.ExpiresOn}.Usable(now) && k.token.Token != rejected
}

// valid reports whether the token has not expired and is not the rejected one.
func (k *tokenState) valid(now time.Time, rejected string) bool {
	return now.Before(k.token.ExpiresOn) && k.token.Token != rejected
}

// due reports whether a token that is still usable should be renewed.
func (k *tokenState) due(now time.Time) bool {
	return !now.Before(k.renewAt) && !now.Before(k.retryAt)
}

// pauseError returns the last failure during the pause after it. It does not return the rejection of a
// refresh token, because another instance may have stored a new one, which can only be found in the
// record.
func (k *tokenState) pauseError(now time.Time) error {
	if now.Before(k.retryAt) && k.failedVersion == nil {
		return k.lastErr
	}
	return nil
}

// rejectedFrom returns the failure of a renewal from the same version of the record.
func (k *tokenState) rejectedFrom(version string, now time.Time) error {
	if now.Before(k.retryAt) && string(k.failedVersion) == version {
		return k.lastErr
	}
	return nil
}

// recordSuccess stores a renewed token.
func (k *tokenState) recordSuccess(t tokencache.Token) {
	*k = tokenState{token: accessToken(t), renewAt: t.RenewAt(), replacedAt: k.replacedAt, replaced: k.replaced}
}

// recordFailure stores a failure and keeps the token, which may still be valid. found is the record
// that was used.
func (k *tokenState) recordFailure(e *autherr.Error, found stored) {
	if e == k.lastErr {
		return // it was only reported again
	}
	k.lastErr, k.retryAt, k.failedVersion = e, found.retryAt, nil
	if k.retryAt.IsZero() {
		k.retryAt = time.Now().Add(pauseAfter(e))
	}
	if e != nil && autherr.NeedsSignIn(e) {
		k.failedVersion = found.version
	}
}

// pauseAfter returns how long Entra is not called again after a failure.
func pauseAfter(e *autherr.Error) time.Duration {
	switch e.Reason {
	case autherr.ReasonStorage, autherr.ReasonEntraPaused, autherr.ReasonLockWait, autherr.ReasonConnectionLost:
		return 0 // circuit breakers decide when to retry, and a new connection needs no pause
	}
	switch {
	case errors.Is(e, autherr.Unavailable):
		return e.RetryAfter
	case autherr.NeedsSignIn(e) && !errors.Is(e, autherr.ConsentRequired):
		return rejectedFor
	}
	return brokenFor
}

func accessToken(t tokencache.Token) azcore.AccessToken {
	return azcore.AccessToken{Token: t.Secret, ExpiresOn: t.ExpiresOn, RefreshOn: t.RefreshOn}
}
