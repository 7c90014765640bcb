package authority

import (
	"context"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/internal/msalcache"
	"github.com/fibermsal/fibermsal/internal/tokencache"
)

// Renewed is the result of a renewal. It is not verified yet.
type Renewed struct {
	Token tokencache.Token
	Cache []byte // of MSAL, with the token

	receivedAt time.Time
	idToken    string
	account    Account
	hasAccount bool
}

// Renew makes MSAL use the refresh token in a cache, by removing the access token from it.
func (c *Client) Renew(ctx context.Context, account string, scopes []string, cache *tokencache.Cache) (*Renewed, error) {
	owner := c.Owner(account)
	staged := withoutToken(cache, owner, scopes)
	ctx, cancel := withinTimeout(ctx)
	defer cancel()
	var got confidential.AuthResult
	x, err := c.callMSAL(ctx, staged, func(client confidential.Client, _ *exchange) (err error) {
		got, err = client.AcquireTokenSilent(ctx, scopes,
			confidential.WithSilentAccount(confidential.Account{HomeAccountID: account}))
		return err
	})
	switch {
	case x == nil:
		return nil, err
	case err != nil:
		return nil, x.failure(scopes, cache.HasRefreshToken(owner))
	}
	content, err := returned(cache, staged)
	if err != nil {
		return nil, err
	}
	r := &Renewed{Token: tokenOf(&got), Cache: content, receivedAt: x.receivedAt, idToken: x.response.IDToken}
	r.account, r.hasAccount = x.response.account()
	return r, nil
}

// AppToken returns a token of the app itself, and MSAL's cache that contains it. An empty tenant stands
// for that of the authority. If the cache contains a token that is not due for renewal, MSAL is not
// called. With an error, a token in the cache is also returned.
func (c *Client) AppToken(ctx context.Context, scope, tenant string, cache *tokencache.Cache) (t tokencache.Token, content []byte, err error) {
	owner := c.Owner("")
	var options []confidential.AcquireByCredentialOption
	if tenant != "" {
		owner.Realm = tenant
		options = append(options, confidential.WithTenantID(tenant))
	}
	t, _ = cache.Find(owner, []string{scope})
	if time.Now().Before(t.RenewAt()) {
		return t, nil, nil
	}
	staged := withoutToken(cache, owner, []string{scope})
	ctx, cancel := withinTimeout(ctx)
	defer cancel()
	var got confidential.AuthResult
	x, err := c.callMSAL(ctx, staged, func(client confidential.Client, _ *exchange) (err error) {
		got, err = client.AcquireTokenByCredential(ctx, []string{scope}, options...)
		return err
	})
	switch {
	case x == nil:
		return t, nil, err
	case err != nil:
		return t, nil, x.appFailure()
	}
	content, err = returned(cache, staged)
	return tokenOf(&got), content, err
}

// withoutToken removes the access token for scopes from a cache, and returns the part that MSAL needs
// to get a new one.
func withoutToken(cache *tokencache.Cache, owner tokencache.Owner, scopes []string) *msalcache.Memory {
	cache.Drop(owner, scopes, time.Now())
	return msalcache.NewMemory(cache.Handed())
}

// returned encodes a cache with the part that MSAL has updated.
func returned(cache *tokencache.Cache, staged *msalcache.Memory) ([]byte, error) {
	made, err := tokencache.Parse(staged.Content())
	if err != nil {
		return nil, err
	}
	cache.Return(made)
	return cache.Bytes(), nil
}

func tokenOf(got *confidential.AuthResult) tokencache.Token {
	return tokencache.Token{
		Secret: got.AccessToken, ExpiresOn: got.ExpiresOn, RefreshOn: got.Metadata.RefreshOn, CachedAt: time.Now(),
	}
}
