package token

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"go.opentelemetry.io/otel/trace"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/background"
	"github.com/fibermsal/fibermsal/internal/flight"
	"github.com/fibermsal/fibermsal/internal/telemetry"
	"github.com/fibermsal/fibermsal/internal/turn"
)

const (
	// renewalTimeout is the time limit of a renewal: waiting for another instance, calling Entra, and
	// storing the result.
	renewalTimeout = authority.TurnPatience
	// callerPatience is how long a caller waits for a renewal.
	callerPatience = renewalTimeout + time.Second
	// replaceEvery is the minimum time between two replacements of a token that an API does not accept.
	replaceEvery = time.Minute
)

// source returns cached tokens and acquires others, once for all concurrent callers in this process. It
// is safe for concurrent use.
type source struct {
	memory     memory
	telemetry  *telemetry.Telemetry
	background *background.Group
	// acquire gets a token from the storage or from Entra. early is set if the current token is still
	// usable.
	acquire func(ctx context.Context, q Request, early bool) (stored, error)

	flights flight.Group
	turns   *turn.Queue
}

// Token returns an access token. While the cached token is usable, it is returned, and renewed in the
// background when it is about to expire. Otherwise the caller waits for a renewal. A rejection is also
// cached, so that a burst of requests makes a single call.
func (s *source) Token(ctx context.Context, q Request) (azcore.AccessToken, error) {
	now := time.Now()
	state := s.memory.state(&q)
	if state.usable(now, q.rejected) {
		if state.due(now) {
			q.caller = trace.LinkFromContext(ctx)
			s.renew(q, true) //nolint:contextcheck // no caller waits for it
		}
		s.telemetry.TokenFromMemory()
		return state.token, nil
	}
	token, err := s.await(ctx, q, &state)
	if errors.Is(err, autherr.Unavailable) && state.valid(time.Now(), q.rejected) {
		return state.token, nil // it is still valid for a few seconds
	}
	return token, err
}

func (s *source) await(ctx context.Context, q Request, state *tokenState) (azcore.AccessToken, error) {
	if err := state.pauseError(time.Now()); err != nil {
		return azcore.AccessToken{}, err
	}
	q.caller = trace.LinkFromContext(ctx)
	token, err := flight.Await[azcore.AccessToken](ctx, callerPatience, s.renew(q, false), autherr.GaveUp) //nolint:contextcheck // a caller's end is its own
	if err != nil {
		return azcore.AccessToken{}, err
	}
	return token, nil
}

// Replace returns a new token after an API has rejected one that has not expired, for example because
// the user's permissions have changed. If the API has just rejected another token, a new one does not
// help.
func (s *source) Replace(ctx context.Context, q Request, rejected string) (azcore.AccessToken, error) {
	repeated := false
	s.memory.update(&q, func(k *tokenState) {
		if time.Since(k.replacedAt) < replaceEvery {
			repeated = k.replaced != rejected // the token that replaced it was also rejected
			return
		}
		k.replacedAt, k.replaced = time.Now(), rejected
	})
	if repeated {
		return azcore.AccessToken{}, autherr.LoginRequired.New("token_refused", nil)
	}
	q.rejected = rejected
	return s.Token(ctx, q)
}

// renew starts a renewal or joins one in progress. There is at most one per session and scopes in this
// process, and it continues if callers give up. early is set if the current token is still usable.
func (s *source) renew(q Request, early bool) <-chan flight.Result {
	key := fmt.Sprintf("%s\x00%s\x00%t%t", q.session.ID, q.key, early, q.rejected != "")
	a := &acquisition{source: s, request: q, early: early}
	return s.flights.Begin(key, func() (any, error) { return a.run() })
}

// acquisition is the work for all concurrent callers that request the same token.
type acquisition struct {
	*source
	request Request
	early   bool // the token is usable, but its end is near
}

// run runs in a separate goroutine. It does not use the context of a caller, not even for values,
// because a handler may have passed Fiber's own context, which is recycled after the request (trap
// T13).
func (a *acquisition) run() (azcore.AccessToken, error) {
	if !a.background.Begin() {
		return azcore.AccessToken{}, errClosed()
	}
	defer a.background.Done()
	if token, done, err := a.fromMemory(); done {
		return token, err
	}
	work, done, err := authority.TakeTurn(context.Background(), a.turns) // before the time limit of the renewal begins
	if err != nil {
		return azcore.AccessToken{}, err
	}
	defer done()
	if a.background.Context().Err() != nil { // closed during the wait, so the app may have closed the storage
		return azcore.AccessToken{}, errClosed()
	}
	ctx, cancel := context.WithTimeout(work, renewalTimeout)
	defer cancel()
	found, err := a.acquireSafely(ctx)
	a.rememberOutcome(found, err)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	return accessToken(found.token), nil
}

func errClosed() error { return autherr.TryLater("closed", nil) }

// fromMemory returns the cached token or failure, if there is one now, because another renewal may have
// ended after the caller checked.
func (a *acquisition) fromMemory() (token azcore.AccessToken, done bool, err error) {
	now, state := time.Now(), a.memory.state(&a.request)
	if err := state.pauseError(now); err != nil {
		return azcore.AccessToken{}, true, err
	}
	if state.usable(now, a.request.rejected) && (!a.early || !state.due(now)) {
		return state.token, true, nil
	}
	return azcore.AccessToken{}, false, nil
}

// rememberOutcome caches the result of the renewal.
func (a *acquisition) rememberOutcome(found stored, err error) {
	a.memory.update(&a.request, func(k *tokenState) {
		if err == nil {
			k.recordSuccess(found.token)
			return
		}
		e, _ := autherr.Find(err)
		k.recordFailure(e, found)
	})
}

// acquireSafely is like acquire, but returns an *Error. It recovers from a panic of the app's
// Credential or Storage, which would otherwise end the process.
func (a *acquisition) acquireSafely(ctx context.Context) (found stored, err error) {
	defer func() {
		if p := recover(); p != nil {
			found, err = stored{}, autherr.Panicked(p)
		}
	}()
	found, err = a.acquire(ctx, a.request, a.early)
	if _, classified := autherr.Find(err); err != nil && !classified {
		err = autherr.Misconfigured.New("renewal", err)
	}
	return found, err
}
