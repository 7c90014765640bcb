package token

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"go.opentelemetry.io/otel/trace"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/flight"
	"github.com/fibermsal/fibermsal/internal/msalcache"
	"github.com/fibermsal/fibermsal/internal/session"
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

// Renewer returns and renews users' tokens. It is safe for concurrent use.
type Renewer struct {
	Options
	memory  memory
	pending *pendingWrites
	flights flight.Group
	turns   *turn.Queue

	clientTurns *turn.Queue // of the app's own MSAL clients
}

// NewRenewer makes a Renewer.
func NewRenewer(o Options) *Renewer {
	return &Renewer{Options: o, memory: memory{o.Sessions.Cache()}, pending: newPendingWrites(o), turns: turn.NewQueue(), clientTurns: turn.NewQueue()}
}

// CacheOf returns the MSAL cache of a session.
func (r *Renewer) CacheOf(s *session.Session) msalcache.Cache { return &recorded{r.pending, s} }

// Request returns the request for a token of a session, whose tokens are in a cache. No
// scopes, and Graph's .default, are the configured ones. Other scopes are copied, because they
// may alias a request's buffer, which a renewal outlives (trap T10).
func (r *Renewer) Request(s *session.Session, cache msalcache.Cache, requested []string) Request {
	scopes := r.Authority.Scopes.ForToken(requested)
	if scopes == nil {
		return Request{session: s, cache: cache, scopes: r.Authority.Scopes.Configured(), key: r.Authority.Scopes.ConfiguredKey()}
	}
	for i, scope := range scopes {
		scopes[i] = strings.Clone(scope)
	}
	return Request{session: s, cache: cache, scopes: scopes, key: authority.Key(scopes)}
}

// Token returns an access token: the remembered one while it is usable, renewed in the
// background when its end is near, and a renewed one for which the caller waits otherwise. A
// rejection is remembered, too, so that a storm of requests makes one call.
func (r *Renewer) Token(ctx context.Context, q Request) (azcore.AccessToken, error) {
	now := time.Now()
	state := r.memory.state(&q)
	if state.usable(now, q.rejected) {
		if state.due(now) {
			q.caller = trace.LinkFromContext(ctx)
			r.renew(q, true) //nolint:contextcheck // no caller waits for it
		}
		r.Telemetry.TokenFromMemory()
		return state.token, nil
	}
	token, err := r.await(ctx, q, &state)
	if errors.Is(err, autherr.Unavailable) && state.valid(time.Now(), q.rejected) {
		return state.token, nil // its last seconds are better than nothing
	}
	return token, err
}

func (r *Renewer) await(ctx context.Context, q Request, state *tokenState) (azcore.AccessToken, error) {
	if err := state.pauseError(time.Now()); err != nil {
		return azcore.AccessToken{}, err
	}
	q.caller = trace.LinkFromContext(ctx)
	token, err := flight.Await[azcore.AccessToken](ctx, callerPatience, r.renew(q, false), autherr.GaveUp) //nolint:contextcheck // a caller's end is its own
	if err != nil {
		return azcore.AccessToken{}, err
	}
	return token, nil
}

// Replace returns a token in place of one that an API rejected although it has not expired, as
// after a change of the user's permissions. If the API has just rejected another one, a new
// token does not help.
func (r *Renewer) Replace(ctx context.Context, q Request, rejected string) (azcore.AccessToken, error) {
	repeated := false
	r.memory.update(&q, func(k *tokenState) {
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
	return r.Token(ctx, q)
}

// renew starts a renewal, or joins the one that is under way: for a session and scopes there
// is one in this process, which no caller's end stops. An early one renews a token that is
// still usable.
func (r *Renewer) renew(q Request, early bool) <-chan flight.Result {
	key := fmt.Sprintf("%s\x00%s\x00%t%t", q.session.ID, q.key, early, q.rejected != "")
	n := &renewal{Renewer: r, request: q, early: early}
	return r.flights.Begin(key, func() (any, error) { return n.run() })
}
