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
	// rejectedFor is how long the rejection of a refresh token or assertion is remembered; only a new
	// session, or a client with a new token, has another one. brokenFor is how long a rejection of the
	// app is remembered, which an administrator fixes, and a missing consent, which users and
	// administrators give without a new token.
	rejectedFor = 10 * time.Minute
	brokenFor   = 30 * time.Second
)

// tokenState is what this process remembers of a session's token for some scopes: the token and,
// after a failed renewal, the error and the pause before the next one. It is immutable.
type tokenState struct {
	token   azcore.AccessToken
	renewAt time.Time

	lastErr *autherr.Error
	retryAt time.Time
	// failedVersion is the version of the record whose refresh token was rejected, if that is
	// what failed.
	failedVersion []byte

	replacedAt time.Time // when a token was replaced because an API had rejected it
	replaced   string    // that token
}

// attachmentKind is the kind of the tokens that are attached to remembered sessions.
const attachmentKind = "token"

// memory is what this process remembers of sessions' tokens. It is kept with the sessions.
type memory struct{ sessions *session.Cache }

// state returns what is remembered of the token of a request.
func (m memory) state(q *Request) tokenState {
	if k, ok := m.sessions.Attached(q.session.ID, session.Attachment{Kind: attachmentKind, Name: q.key}).(*tokenState); ok {
		return *k
	}
	return tokenState{}
}

// update replaces what is remembered of the token of a request by a copy that change has
// changed.
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

// usable reports whether there is a token that can be returned in place of the rejected one.
func (k *tokenState) usable(now time.Time, rejected string) bool {
	return tokencache.Token{ExpiresOn: k.token.ExpiresOn}.Usable(now) && k.token.Token != rejected
}

// valid reports whether the token has not expired and is not the rejected one.
func (k *tokenState) valid(now time.Time, rejected string) bool {
	return now.Before(k.token.ExpiresOn) && k.token.Token != rejected
}

// due reports whether to renew a token that is still usable.
func (k *tokenState) due(now time.Time) bool {
	return !now.Before(k.renewAt) && !now.Before(k.retryAt)
}

// pauseError returns the last failure while its pause lasts. It does not return the rejection of
// a refresh token, because another instance may have stored a new one, which only the record
// shows.
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

// recordSuccess remembers a renewed token.
func (k *tokenState) recordSuccess(t tokencache.Token) {
	*k = tokenState{token: accessToken(t), renewAt: t.RenewAt(), replacedAt: k.replacedAt, replaced: k.replaced}
}

// recordFailure remembers a failure and keeps the token, which may still be valid. What was found is
// the record that was tried.
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

// pauseAfter is how long Entra is not called again after a failure.
func pauseAfter(e *autherr.Error) time.Duration {
	switch e.Reason {
	case autherr.ReasonStorage, autherr.ReasonEntraPaused, autherr.ReasonLockWait, autherr.ReasonConnectionLost:
		return 0 // circuit breakers decide when to retry; another connection need not be waited for
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
