package token

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/background"
	"github.com/fibermsal/fibermsal/internal/flight"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/tokencache"
)

// appTokensFor is how long the app's own tokens are stored, which is longer than they are valid.
const appTokensFor = 24 * time.Hour

// App returns and renews tokens of the app itself, and shares them with the other instances.
// It is safe for concurrent use.
type App struct {
	Authority  *authority.Client
	Records    *record.Store
	Log        *slog.Logger
	Background *background.Group

	flights flight.Group
	mu      sync.Mutex
	states  map[appRequest]appState // an app has only a few
}

// appRequest is a scope, and a tenant if it is not that of the authority.
type appRequest struct{ tenant, scope string }

// appState is the cached token and, after a failed renewal, the error and the time of the next attempt.
type appState struct {
	token   tokencache.Token
	lastErr error
	retryAt time.Time
}

func (t appState) due(now time.Time) bool        { return !now.Before(t.token.RenewAt()) }
func (t appState) backingOff(now time.Time) bool { return now.Before(t.retryAt) }

func (a *App) state(q appRequest) appState {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.states[q]
}

// Token returns a token for one scope, which must end in /.default. Without a scope it uses that of
// Graph, and without a tenant that of the authority. A usable token that is about to expire is renewed
// in the background, as for users.
func (a *App) Token(ctx context.Context, scopes []string, tenant string) (azcore.AccessToken, error) {
	q, err := a.request(scopes, tenant) //nolint:contextcheck // a domain is resolved for all callers
	if err != nil {
		return azcore.AccessToken{}, err
	}
	now, state := time.Now(), a.state(q)
	if state.token.Usable(now) {
		if state.due(now) && !state.backingOff(now) {
			a.renew(q) //nolint:contextcheck // no caller waits for it
		}
		return accessToken(state.token), nil
	}
	if state.backingOff(now) {
		return azcore.AccessToken{}, state.lastErr
	}
	return flight.Await[azcore.AccessToken](ctx, callerPatience, a.renew(q), autherr.GaveUp) //nolint:contextcheck // a caller's end is its own
}

func (a *App) request(scopes []string, tenant string) (q appRequest, err error) {
	if q.scope, err = a.scope(scopes); err != nil || tenant == "" || a.Authority.IsOwn(tenant) {
		return q, err
	}
	q.tenant = strings.ToLower(tenant)
	if !a.Authority.Admits(q.tenant) {
		return q, autherr.Misconfigured.New("other_tenant", errors.New("a token of a tenant was requested whose users may not sign in"))
	}
	return q, nil
}

func (a *App) scope(requested []string) (string, error) {
	rules := a.Authority.Scopes
	switch scopes := strings.Fields(strings.Join(requested, " ")); len(scopes) {
	case 0:
		return rules.GraphDefault(), nil
	case 1:
		if scope := rules.Canonical(scopes[0]); strings.HasSuffix(scope, "/.default") {
			return strings.Clone(scope), nil
		}
	}
	return "", autherr.Misconfigured.New("app_scope", errors.New("the app's own tokens have one scope, which ends in /.default"))
}

// renew starts a renewal or joins one in progress.
func (a *App) renew(q appRequest) <-chan flight.Result {
	return a.flights.Begin(q.tenant+" "+q.scope, func() (any, error) {
		// Another renewal may have ended after the caller checked, with a token or with a rejection.
		now, state := time.Now(), a.state(q)
		switch {
		case !state.due(now), state.token.Usable(now) && state.backingOff(now):
			return accessToken(state.token), nil
		case state.backingOff(now):
			return azcore.AccessToken{}, state.lastErr
		}
		t, err := a.acquireSafely(q)
		return a.remember(q, t, err)
	})
}

// remember stores the result of a renewal and returns the result for its callers. After a failure, a
// token that is still usable is kept.
func (a *App) remember(q appRequest, t tokencache.Token, err error) (azcore.AccessToken, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	state := a.states[q]
	if t.ExpiresOn.After(state.token.ExpiresOn) {
		state.token = t
	}
	state.lastErr, state.retryAt = nil, time.Time{}
	if e, failed := autherr.Find(err); failed {
		state.lastErr, state.retryAt = e, time.Now().Add(pauseAfter(e))
	}
	if a.states == nil {
		a.states = make(map[appRequest]appState)
	}
	a.states[q] = state
	switch {
	case err == nil:
		return accessToken(t), nil // however soon it expires
	case state.token.Usable(time.Now()):
		return accessToken(state.token), nil
	}
	return azcore.AccessToken{}, err
}

// acquireSafely is like acquire, but converts a panic of the app's Credential to an error, because
// nothing else in this goroutine would recover from it.
func (a *App) acquireSafely(q appRequest) (t tokencache.Token, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = autherr.Panicked(p)
		}
	}()
	return a.acquire(q)
}

// acquire returns the token in the storage, or a new one if that is due for renewal. With an error, it
// returns the existing token, if any.
func (a *App) acquire(q appRequest) (t tokencache.Token, err error) {
	if !a.Background.Begin() {
		return t, errClosed()
	}
	defer a.Background.Done()
	ctx, cancel := context.WithTimeout(context.Background(), renewalTimeout)
	defer cancel()
	t, content, err := a.Authority.AppToken(ctx, q.scope, q.tenant, a.load(ctx))
	if err == nil && content != nil {
		a.save(ctx, content)
	}
	return t, err
}

// record returns the name of the record with the app's own token cache.
func (a *App) record() string {
	sum := sha256.Sum256([]byte("app " + a.Authority.Authority))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// load returns the app's own token cache. If the storage fails, the cache is empty, and the app calls Entra.
func (a *App) load(ctx context.Context) *tokencache.Cache {
	content, err := a.Records.Get(ctx, a.record(), record.Tokens)
	if err == nil {
		var cache *tokencache.Cache
		if cache, err = tokencache.Parse(content); err == nil {
			return cache
		}
	}
	if !errors.Is(err, record.ErrNotFound) {
		a.Log.LogAttrs(ctx, slog.LevelWarn, "the app's own tokens cannot be read", slog.Any("error", autherr.StorageUnavailable(err)))
	}
	return new(tokencache.Cache)
}

func (a *App) save(ctx context.Context, content []byte) {
	if err := a.Records.Put(ctx, a.record(), record.Tokens, content, appTokensFor); err != nil {
		a.Log.LogAttrs(ctx, slog.LevelWarn, "the app's own tokens are not stored", slog.Any("error", autherr.StorageUnavailable(err)))
	}
}
