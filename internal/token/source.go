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
	// renewalTimeout bounds one renewal: waiting for another instance's, calling Entra, storing.
	renewalTimeout = authority.TurnPatience
	// callerPatience is how long a caller waits for a renewal, which may have been about to
	// end when the caller came.
	callerPatience = renewalTimeout + time.Second
	// replaceEvery is how often a token is replaced because an API does not accept it.
	replaceEvery = time.Minute
)

// source returns remembered tokens, and acquires others, once for all concurrent callers in this
// process. It is safe for concurrent use.
type source struct {
	memory     memory
	telemetry  *telemetry.Telemetry
	background *background.Group
	// acquire gets a token from the storage or from Entra. An early one is for a token that is still
	// usable.
	acquire func(ctx context.Context, q Request, early bool) (stored, error)

	flights flight.Group
	turns   *turn.Queue
}

// Token returns an access token: the remembered one while it is usable, renewed in the
// background when its end is near, and a renewed one for which the caller waits otherwise. A
// rejection is remembered, too, so that a storm of requests makes one call.
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
		return state.token, nil // its last seconds are better than nothing
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

// Replace returns a token in place of one that an API rejected although it has not expired, as
// after a change of the user's permissions. If the API has just rejected another one, a new
// token does not help.
func (s *source) Replace(ctx context.Context, q Request, rejected string) (azcore.AccessToken, error) {
	repeated := false
	s.memory.update(&q, func(k *tokenState) {
		if time.Since(k.replacedAt) < replaceEvery {
			repeated = k.replaced != rejected // the token that replaced it is rejected, too
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

// renew starts a renewal, or joins the one that is under way: for a session and scopes there
// is one in this process, which no caller's end stops. An early one renews a token that is
// still usable.
func (s *source) renew(q Request, early bool) <-chan flight.Result {
	key := fmt.Sprintf("%s\x00%s\x00%t%t", q.session.ID, q.key, early, q.rejected != "")
	a := &acquisition{source: s, request: q, early: early}
	return s.flights.Begin(key, func() (any, error) { return a.run() })
}

// acquisition is the work for all callers who want the same token at the same time.
type acquisition struct {
	*source
	request Request
	early   bool // the token is usable, but its end is near
}

// run runs in a goroutine of its own. It takes nothing from a caller's context, not even
// values: a handler may have passed Fiber's own, which is recycled after the request (trap
// T13).
func (a *acquisition) run() (azcore.AccessToken, error) {
	if !a.background.Begin() {
		return azcore.AccessToken{}, errClosed()
	}
	defer a.background.Done()
	if token, done, err := a.fromMemory(); done {
		return token, err
	}
	work, done, err := authority.TakeTurn(context.Background(), a.turns) // before the time of the renewal begins
	if err != nil {
		return azcore.AccessToken{}, err
	}
	defer done()
	if a.background.Context().Err() != nil { // closed while this waited, so the app may have closed the storage
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

// fromMemory returns the remembered token or failure, if there is one by now: the last renewal may
// have ended after the caller looked.
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

// rememberOutcome remembers how the renewal ended.
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

// acquireSafely is acquire for callers that need an Error. A panic of the app's Credential or
// Storage must not end the process, and would reach no recover here.
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
