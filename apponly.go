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
	"golang.org/x/sync/singleflight"

	"github.com/fibermsal/fibermsal/internal/record"
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

	calls singleflight.Group
	mu    sync.Mutex
	known map[string]appToken // by scope; an app has a few
}

// appToken is what is known of a token: itself, and why there will be no other for a
// while.
type appToken struct {
	azcore.AccessToken
	refused   error
	refusedTo time.Time
}

// GetToken implements azcore.TokenCredential.
func (k *appCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	scope, err := k.scope(options.Scopes)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	k.mu.Lock()
	token := k.known[scope]
	k.mu.Unlock()
	if time.Until(token.ExpiresOn) > renewEarly {
		return token.AccessToken, nil
	}
	fresh, err := azcore.AccessToken{}, token.refused
	if !time.Now().Before(token.refusedTo) {
		asked := k.calls.DoChan(scope, func() (any, error) { return k.renewed(scope) }) //nolint:contextcheck // a caller's end is its own
		fresh, err = awaited[azcore.AccessToken](ctx, renewalPatience, asked)
	}
	if err != nil && time.Until(token.ExpiresOn) > minTokenLife {
		return token.AccessToken, nil
	}
	return fresh, err
}

// renewed remembers how a renewal ended. A failure leaves a token that is still good.
func (k *appCredential) renewed(scope string) (azcore.AccessToken, error) {
	fresh, err := k.renew(scope)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.known[scope] = appToken{AccessToken: fresh}
		return fresh, nil
	}
	failed := k.known[scope]
	var e *Error
	if errors.As(err, &e) {
		failed.refused, failed.refusedTo = e, time.Now().Add(pauseAfter(e))
		k.known[scope] = failed
	}
	return azcore.AccessToken{}, err
}

func (k *appCredential) scope(asked []string) (string, error) {
	graph := strings.TrimSuffix(k.auth.cfg.GraphURL, graphVersionSuffix) + "/.default"
	switch scopes := strings.Fields(strings.Join(asked, " ")); {
	case len(scopes) == 0, len(scopes) == 1 && scopes[0] == graph:
		return k.auth.cfg.graphResource + "/.default", nil
	case len(scopes) == 1 && strings.HasSuffix(scopes[0], "/.default"):
		return strings.Clone(scopes[0]), nil
	}
	return "", ErrMisconfigured.because("app_scope", errors.New("the app's own tokens have one scope, which ends in /.default"))
}

// renew has MSAL look into the storage and ask Entra if need be.
func (k *appCredential) renew(scope string) (token azcore.AccessToken, err error) {
	a := k.auth
	defer func() {
		if p := recover(); p != nil { // of the app's Credential: here it would pass every other recover
			token, err = azcore.AccessToken{}, ErrMisconfigured.because("panic", fmt.Errorf("panic: %v", p))
		}
	}()
	if !a.calls.begin() {
		return token, entraUnavailable("closed", nil)
	}
	defer a.calls.done()
	ctx, cancel := context.WithTimeout(context.Background(), entraTimeout)
	defer cancel()
	var result confidential.AuthResult
	x, err := a.asApp(ctx, &appTokens{auth: a}, func(client confidential.Client, _ *exchange) (err error) {
		if result, err = client.AcquireTokenSilent(ctx, []string{scope}); err == nil && time.Until(result.ExpiresOn) > renewEarly {
			return nil
		}
		result, err = client.AcquireTokenByCredential(ctx, []string{scope})
		return err
	})
	if x == nil {
		return token, err
	}
	if err != nil {
		return token, x.appFailure()
	}
	return azcore.AccessToken{Token: result.AccessToken, ExpiresOn: result.ExpiresOn, RefreshOn: result.Metadata.RefreshOn}, nil
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

// appTokens is the token cache of the app itself, in a record of its own. Without the
// storage the app asks Entra.
type appTokens struct{ auth *Auth }

func (t *appTokens) name() string {
	sum := sha256.Sum256([]byte("app " + t.auth.cfg.authority))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (t *appTokens) load(ctx context.Context) (content, version []byte, err error) {
	content, err = t.auth.records.Get(ctx, t.name(), record.Tokens)
	if err != nil && !errors.Is(err, record.ErrNotFound) {
		t.auth.log.LogAttrs(ctx, slog.LevelWarn, "the app's own tokens cannot be read", slog.Any("error", storageUnavailable(err)))
	}
	return content, nil, nil
}

func (t *appTokens) swap(ctx context.Context, _, content []byte) error {
	if err := t.auth.records.Put(ctx, t.name(), record.Tokens, content, appTokensFor); err != nil {
		t.auth.log.LogAttrs(ctx, slog.LevelWarn, "the app's own tokens are not stored", slog.Any("error", storageUnavailable(err)))
	}
	return nil
}
