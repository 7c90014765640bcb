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
	// rejectedFor is how long the rejection of a refresh token is remembered: only a new
	// session has another one. brokenFor is how long a rejection of the app is, which an
	// administrator fixes.
	rejectedFor = 10 * time.Minute
	brokenFor   = 30 * time.Second
)

// known is what this process remembers of a session's token for some scopes: the token, and
// why there will be no other one for a while. It is immutable.
type known struct {
	token   azcore.AccessToken
	renewAt time.Time

	lastErr *autherr.Error
	retryAt time.Time
	// failedVersion is the version of the record whose refresh token was rejected, if that is
	// what failed.
	failedVersion []byte

	replacedAt time.Time // because an API rejected it
	replaced   string    // the token that was
}

// attachmentKind is under what tokens are attached to remembered sessions.
const attachmentKind = "token"

// memory is what this process remembers of sessions' tokens. It is kept with the sessions.
type memory struct{ sessions *session.Cache }

// known returns what is known of the token of a request.
func (m memory) known(q *Request) known {
	if k, ok := m.sessions.Attached(q.session.ID, session.Attachment{Kind: attachmentKind, Name: q.key}).(*known); ok {
		return *k
	}
	return known{}
}

// change changes what is known of the token of a request.
func (m memory) change(q *Request, change func(*known)) {
	m.sessions.Attach(q.session.ID, session.Attachment{Kind: attachmentKind, Name: q.key}, func(old any) (any, int) {
		next := new(known)
		if k, ok := old.(*known); ok {
			*next = *k
		}
		change(next)
		return next, len(next.token.Token)
	})
}

// usable reports whether there is a token to hand out in place of a rejected one.
func (k *known) usable(now time.Time, rejected string) bool {
	return tokencache.Token{ExpiresOn: k.token.ExpiresOn}.Usable(now) && k.token.Token != rejected
}

// alive reports whether the token has not expired and is not the rejected one.
func (k *known) alive(now time.Time, rejected string) bool {
	return now.Before(k.token.ExpiresOn) && k.token.Token != rejected
}

// due reports whether to renew a token that is still usable.
func (k *known) due(now time.Time) bool {
	return !now.Before(k.renewAt) && !now.Before(k.retryAt)
}

// paused returns the last failure while its pause lasts. The rejection of a refresh token is not
// among them: another instance may have stored a new one, which only the record shows.
func (k *known) paused(now time.Time) error {
	if now.Before(k.retryAt) && k.failedVersion == nil {
		return k.lastErr
	}
	return nil
}

// rejectedFrom returns the failure of a renewal from the same version of the record.
func (k *known) rejectedFrom(version string, now time.Time) error {
	if now.Before(k.retryAt) && string(k.failedVersion) == version {
		return k.lastErr
	}
	return nil
}

// succeed remembers a renewed token.
func (k *known) succeed(t tokencache.Token) {
	*k = known{token: accessToken(t), renewAt: t.RenewAt(), replacedAt: k.replacedAt, replaced: k.replaced}
}

// fail remembers a failure, which leaves a token that is still alive. The version is that of
// the record that was tried.
func (k *known) fail(e *autherr.Error, version []byte) {
	if e == k.lastErr {
		return // it was only reported again
	}
	k.lastErr, k.retryAt, k.failedVersion = e, time.Now().Add(pauseAfter(e)), nil
	if e != nil && autherr.NeedsSignIn(e) {
		k.failedVersion = version
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
	case autherr.NeedsSignIn(e):
		return rejectedFor
	}
	return brokenFor
}

func accessToken(t tokencache.Token) azcore.AccessToken {
	return azcore.AccessToken{Token: t.Secret, ExpiresOn: t.ExpiresOn, RefreshOn: t.RefreshOn}
}
