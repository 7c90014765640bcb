package fibermsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// msalClient makes an MSAL client for one session and one call. Clients cost
// microseconds and must not be shared: MSAL mixes up the tokens of concurrent
// users (trap M1). Instance discovery is off because it asks once per client
// about an authority that is configured.
func (a *Auth) msalClient(credential confidential.Credential, tokens tokenCache) (confidential.Client, *exchange, error) {
	x := &exchange{client: a.entra}
	client, err := confidential.New(a.cfg.authority, a.cfg.ClientID, credential,
		confidential.WithCache(&CacheAccessor{cache: tokens}),
		confidential.WithHTTPClient(x),
		confidential.WithInstanceDiscovery(false))
	if err != nil {
		return confidential.Client{}, nil, ErrMisconfigured.because("client", errors.New("MSAL refused the authority or the credential"))
	}
	return client, x, nil
}

// grant is what redeeming a code gave. Its id_token is not verified yet.
type grant struct {
	tokens  *stagedTokens
	idToken string
	account entraAccount
	// failure is why the tokens cannot be used although there is an id_token:
	// whether that is genuine decides which of the two is worth telling.
	failure error
}

// redeem exchanges a code for tokens, which stay in memory. The code is sent
// once: a second time Entra refuses it.
func (a *Auth) redeem(ctx context.Context, code, verifier string) (*grant, error) {
	credential, err := a.credential(ctx)
	if err != nil {
		return nil, err
	}
	g := &grant{tokens: &stagedTokens{}}
	client, x, err := a.msalClient(credential, g.tokens)
	if err != nil {
		return nil, err
	}
	result, err := client.AcquireTokenByAuthCode(ctx, code, a.cfg.redirectURI, a.cfg.Scopes, confidential.WithChallenge(verifier))
	g.idToken = x.answer.IDToken
	var known bool
	g.account, known = x.account()
	switch {
	case err != nil:
		g.failure = redemptionFailure(x.failure(a.cfg.Scopes, true))
	case g.idToken == "":
		g.failure = ErrRejected.because("no_id_token", nil)
	case !known || result.Account.HomeAccountID != g.account.String():
		g.failure = ErrRejected.because("client_info", nil)
	}
	if g.idToken == "" {
		return nil, g.failure
	}
	return g, nil
}

// redemptionFailure: a code that Entra refuses belongs to no sign-in of ours.
func redemptionFailure(e *Error) *Error {
	if errors.Is(e, ErrLoginRequired) {
		return ErrRejected.because("code_refused", e.Err)
	}
	return e
}

// silent returns an access token for scopes from the session's tokens, renewed
// if necessary. Concurrent calls for the same session and scopes are one call,
// which no caller's context ends: a client that hangs up must not undo what
// others wait for.
func (a *Auth) silent(ctx context.Context, who *session, tokens tokenCache, scopes []string) (azcore.AccessToken, error) {
	scopes = slices.Clone(scopes)
	key := who.recordName + "\x00" + strings.Join(scopes, " ")
	result := a.refreshes.DoChan(key, func() (any, error) { //nolint:contextcheck // detached on purpose
		return a.acquireDetached(who, tokens, scopes)
	})
	ctx, cancel := context.WithTimeout(ctx, entraTimeout+time.Second)
	defer cancel()
	select {
	case r := <-result:
		if r.Err != nil {
			return azcore.AccessToken{}, r.Err
		}
		return r.Val.(azcore.AccessToken), nil //nolint:errcheck,forcetypeassert // acquire returns nothing else
	case <-ctx.Done():
		return azcore.AccessToken{}, entraUnavailable("gave_up", context.Cause(ctx))
	}
}

// acquireDetached runs in a goroutine of its own, where a panic of the app's
// Credential or Storage would end the process past every recover.
func (a *Auth) acquireDetached(who *session, tokens tokenCache, scopes []string) (token azcore.AccessToken, err error) {
	defer func() {
		if p := recover(); p != nil {
			token, err = azcore.AccessToken{}, ErrMisconfigured.because("panic", fmt.Errorf("panic: %v", p))
		}
	}()
	if !a.calls.begin() {
		return azcore.AccessToken{}, entraUnavailable("closed", nil)
	}
	defer a.calls.done()
	// Not even the values of a caller's context: a handler may have passed Fiber's
	// own, which is recycled after the request (trap T13).
	ctx, cancel := context.WithTimeout(context.Background(), entraTimeout)
	defer cancel()
	return a.acquire(ctx, who, tokens, scopes)
}

func (a *Auth) acquire(ctx context.Context, who *session, tokens tokenCache, scopes []string) (azcore.AccessToken, error) {
	content, err := tokens.load(ctx)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	credential, err := a.credential(ctx)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	staged := &stagedTokens{content: content}
	client, x, err := a.msalClient(credential, staged)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	result, err := client.AcquireTokenSilent(ctx, scopes,
		confidential.WithSilentAccount(confidential.Account{HomeAccountID: who.Account}))
	if err != nil {
		return azcore.AccessToken{}, x.failure(scopes, hasRefreshToken(content))
	}
	if renewed, changed := staged.snapshot(); changed {
		if err := a.checkRefreshed(ctx, who, x); err != nil {
			return azcore.AccessToken{}, err
		}
		if err := tokens.save(ctx, renewed); err != nil {
			// The token is good; the old refresh token stays valid, too.
			a.log.LogAttrs(ctx, slog.LevelWarn, "renewed tokens not stored", slog.Any("error", err))
		}
	}
	return azcore.AccessToken{Token: result.AccessToken, ExpiresOn: result.ExpiresOn, RefreshOn: result.Metadata.RefreshOn}, nil
}

// hasRefreshToken tells a session whose tokens are gone, which a new sign-in mends,
// from an MSAL that failed before it asked Entra, which it does not.
func hasRefreshToken(content []byte) bool {
	var held struct{ RefreshToken map[string]json.RawMessage }
	return json.Unmarshal(content, &held) == nil && len(held.RefreshToken) > 0
}

// checkRefreshed makes sure that a refresh brought tokens of the same user
// (OpenID Connect Core section 12.2; threat B8). If not, the session ends.
func (a *Auth) checkRefreshed(ctx context.Context, who *session, x *exchange) error {
	err := a.sameUser(ctx, who, x)
	if err == nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	a.log.LogAttrs(ctx, slog.LevelError, "session ended: a refresh returned another user's tokens", slog.Any("error", err))
	if err := a.discard(ctx, who.recordName); err != nil {
		return err
	}
	return ErrLoginRequired.because("refresh_mismatch", nil)
}

func (a *Auth) sameUser(ctx context.Context, who *session, x *exchange) error {
	if account, ok := x.account(); !ok || account.String() != who.Account {
		return ErrRejected.because("client_info", nil)
	}
	if x.answer.IDToken == "" {
		return nil
	}
	m, err := a.metadata(ctx)
	if err != nil {
		return err
	}
	claims, err := a.verifier(m).VerifyRefreshed(ctx, x.answer.IDToken)
	if err != nil {
		return refusedToken(err)
	}
	if claims.TenantID != who.User.TenantID || claims.ObjectID != who.User.ID || claims.Subject != who.User.Subject {
		return ErrRejected.because("identity", nil)
	}
	return nil
}
