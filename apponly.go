package fibermsal

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/internal/flight"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/tokencache"
)

// appTokensFor is how long the app's own tokens are kept in the storage; they expire
// before.
const appTokensFor = 24 * time.Hour

// AppCredential gives tokens of the app itself, without a user, for jobs that act as
// the app: with application permissions, to which an administrator consents. It is safe
// for concurrent use and shares its tokens with the other instances.
//
// GetToken takes one scope, which ends in /.default; none is that of Graph. It returns
// an [*Error]: [ErrMisconfigured] where Entra refuses the app, or [ErrUnavailable].
// Entra gives such tokens for a tenant only, so not with "common" or "organizations".
func (a *Auth) AppCredential() azcore.TokenCredential { return &a.app }

// appCredential is the app's own tokens.
type appCredential struct {
	auth *Auth

	calls flight.Group
	mu    sync.Mutex
	known map[string]appToken // by scope; an app has a few
}

// appToken is what is known of a token: itself, when to renew it, and why there will be
// no other for a while.
type appToken struct {
	token     tokencache.Token
	refused   error
	refusedTo time.Time
}

// good reports whether the token is fit to be handed out.
func (t appToken) good(now time.Time) bool { return t.token.ExpiresOn.Sub(now) > minTokenLife }

// due reports whether it is time to ask for another one.
func (t appToken) due(now time.Time) bool { return !now.Before(renewAt(t.token)) }

func (k *appCredential) remembered(scope string) appToken {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known[scope]
}

// GetToken implements azcore.TokenCredential. A good token is renewed in the background
// when its end is near, as those of users are.
func (k *appCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	scope, err := k.scope(options.Scopes)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	now, known := time.Now(), k.remembered(scope)
	if known.good(now) {
		if known.due(now) && !known.paused(now) {
			k.renew(scope) //nolint:contextcheck // nobody waits for it
		}
		return accessToken(known.token), nil
	}
	if known.paused(now) {
		return azcore.AccessToken{}, known.refused
	}
	return awaited[azcore.AccessToken](ctx, renewalPatience, k.renew(scope)) //nolint:contextcheck // a caller's end is its own
}

// paused reports whether nobody is to ask again yet.
func (t appToken) paused(now time.Time) bool { return now.Before(t.refusedTo) }

// renew begins a renewal, or joins the one that is under way.
func (k *appCredential) renew(scope string) <-chan flight.Result {
	return k.calls.Begin(scope, func() (any, error) {
		// The last flight may have landed between the caller's look and this one, with a
		// token or with a refusal.
		now, known := time.Now(), k.remembered(scope)
		switch {
		case !known.due(now), known.good(now) && known.paused(now):
			return accessToken(known.token), nil
		case known.paused(now):
			return azcore.AccessToken{}, known.refused
		}
		t, err := k.acquire(scope)
		return k.note(scope, t, err)
	})
}

// note remembers how a renewal ended. A failure leaves a token that is still good.
func (k *appCredential) note(scope string, t tokencache.Token, err error) (azcore.AccessToken, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	known := k.known[scope]
	if t.ExpiresOn.After(known.token.ExpiresOn) {
		known.token = t
	}
	known.refused, known.refusedTo = nil, time.Time{}
	var e *Error
	if errors.As(err, &e) {
		known.refused, known.refusedTo = e, time.Now().Add(pauseAfter(e))
	}
	k.known[scope] = known
	switch {
	case err == nil:
		return accessToken(t), nil // however short its life
	case known.good(time.Now()):
		return accessToken(known.token), nil
	}
	return azcore.AccessToken{}, err
}

func (k *appCredential) scope(asked []string) (string, error) {
	graph := k.auth.cfg.graph
	switch scopes := strings.Fields(strings.Join(asked, " ")); {
	case len(scopes) == 0:
		return graph.all, nil
	case len(scopes) == 1 && strings.HasSuffix(graph.spell(scopes[0]), "/"+allScopes):
		return strings.Clone(graph.spell(scopes[0])), nil
	}
	return "", ErrMisconfigured.because("app_scope", errors.New("the app's own tokens have one scope, which ends in /.default"))
}

// acquire returns the token in the storage until it is time for another one, which MSAL
// gets when that is left out. With an error comes the one that there is.
func (k *appCredential) acquire(scope string) (t tokencache.Token, err error) {
	a := k.auth
	defer func() {
		if p := recover(); p != nil { // of the app's Credential: here it would pass every other recover
			err = ErrMisconfigured.because("panic", fmt.Errorf("panic: %v", p))
		}
	}()
	if !a.calls.begin() {
		return t, entraUnavailable("closed", nil)
	}
	defer a.calls.done()
	ctx, cancel := context.WithTimeout(context.Background(), renewalTimeout)
	defer cancel()
	cache, itself := k.stored(ctx), a.owner(new(session))
	t, _ = cache.Find(itself, []string{scope})
	if time.Now().Before(renewAt(t)) {
		return t, nil
	}
	cache.Drop(itself, []string{scope}, time.Now())
	content, err := cache.Bytes()
	if err != nil {
		return t, err
	}
	staged := &stagedTokens{content: content}
	var got confidential.AuthResult
	asking, done := withinEntraTimeout(ctx)
	defer done()
	x, err := a.asApp(asking, staged, func(client confidential.Client, _ *exchange) (err error) {
		got, err = client.AcquireTokenByCredential(asking, []string{scope})
		return err
	})
	switch {
	case x == nil:
		return t, err
	case err != nil:
		return t, x.appFailure()
	}
	k.store(ctx, staged.snapshot())
	return tokencache.Token{Secret: got.AccessToken, ExpiresOn: got.ExpiresOn, RefreshOn: got.Metadata.RefreshOn, CachedAt: time.Now()}, nil
}

// appFailure is what a failure means where there is no user: nobody can sign in.
func (x *exchange) appFailure() *Error {
	e := x.failure(nil, true)
	if !e.interactive() {
		return e
	}
	refused := ErrMisconfigured.because("app_refused", x.diagnosis())
	return refused.advised(x.answer.ErrorCodes...)
}

// GraphURL is the root of Graph with the version, without a slash at the end.
func (k *appCredential) GraphURL() string { return k.auth.cfg.GraphURL }

// HTTPClient is the client that reaches Graph.
func (k *appCredential) HTTPClient() *http.Client { return k.auth.cfg.HTTPClient }

// GoString is what %#v prints of a credential: nothing.
func (k *appCredential) GoString() string { return "fibermsal app credential" }

// record is the name of the app's own token cache.
func (k *appCredential) record() string {
	sum := sha256.Sum256([]byte("app " + k.auth.cfg.authority))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// stored is the app's own token cache. Without the storage the app asks Entra.
func (k *appCredential) stored(ctx context.Context) *tokencache.Cache {
	content, err := k.auth.records.Get(ctx, k.record(), record.Tokens)
	if err == nil {
		var cache *tokencache.Cache
		if cache, err = tokencache.Parse(content); err == nil {
			return cache
		}
	}
	if !errors.Is(err, record.ErrNotFound) {
		k.auth.log.LogAttrs(ctx, slog.LevelWarn, "the app's own tokens cannot be read", slog.Any("error", storageUnavailable(err)))
	}
	return new(tokencache.Cache)
}

func (k *appCredential) store(ctx context.Context, content []byte) {
	if err := k.auth.records.Put(ctx, k.record(), record.Tokens, content, appTokensFor); err != nil {
		k.auth.log.LogAttrs(ctx, slog.LevelWarn, "the app's own tokens are not stored", slog.Any("error", storageUnavailable(err)))
	}
}
