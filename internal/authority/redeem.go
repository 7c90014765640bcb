package authority

import (
	"context"
	"strings"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/msalcache"
	"github.com/fibermsal/fibermsal/internal/tokencache"
)

// Grant is the result of redeeming a code. Its ID token is not verified yet.
type Grant struct {
	Tokens  *msalcache.Memory // nil with a Failure
	IDToken string
	Account Account
	Scopes  []string // granted
	// Failure is why the tokens cannot be used although there is an ID token. If the ID token is not
	// genuine, report the error of verifying it instead.
	Failure error
}

// Redeem exchanges a code for tokens, which stay in memory. beforeSending is called immediately before
// the code is sent. If it returns an error, the code is not sent, because Entra accepts a code only
// once.
func (c *Client) Redeem(ctx context.Context, code, verifier string, scopes []string, beforeSending func() error) (*Grant, error) {
	var result confidential.AuthResult
	x, err := c.redeem(ctx, beforeSending, func(client confidential.Client) (err error) {
		result, err = client.AcquireTokenByAuthCode(ctx, code, c.RedirectURI, scopes, confidential.WithChallenge(verifier))
		return err
	})
	if x == nil {
		return nil, err
	}
	g := &Grant{IDToken: x.response.IDToken, Scopes: strings.Fields(x.response.Scope)}
	idToken := readableIDToken(g.IDToken)
	var ok bool
	g.Account, ok = x.response.account()
	switch {
	case err != nil:
		g.Failure = redemptionFailure(x.failure(scopes, true))
	case g.IDToken == "":
		g.Failure = autherr.Rejected.New("no_id_token", nil)
	case !ok:
		g.Failure = autherr.Rejected.New("client_info", nil)
	case idToken.refused, len(x.response.accessToken) == 0: // the latter happens if the member's name is one that only MSAL accepts
		g.Failure = x.unreadable()
	}
	if g.IDToken == "" {
		return nil, g.Failure
	}
	if g.Failure == nil {
		g.Tokens = msalcache.NewMemory(c.granted(g.Account, x, &idToken, &result))
	}
	return g, nil
}

// granted returns the cache that MSAL would create from a token response. MSAL has checked the
// response, and its times and scopes are used.
func (c *Client) granted(account Account, x *exchange, idToken *msalIDToken, result *confidential.AuthResult) []byte {
	r := &x.response
	g := tokencache.Grant{
		AccessToken: r.accessToken, RefreshToken: r.refreshToken, IDToken: idToken.raw,
		TokenType: r.tokenType, Family: r.family, Target: strings.Join(result.GrantedScopes, " "),
		CachedAt: x.receivedAt, ExpiresOn: result.ExpiresOn, RefreshOn: result.Metadata.RefreshOn,
		LocalAccount: idToken.localAccount(), Username: idToken.displayed(),
	}
	if r.extendedLife > 0 {
		g.ExtendedExpiresOn = x.receivedAt.Add(r.extendedLife)
	}
	return tokencache.Granted(c.Owner(account.String()), &g)
}

// redemptionFailure converts the rejection of a code to that of the sign-in, because the code has been
// used or does not belong to a sign-in of this app.
func redemptionFailure(e *autherr.Error) *autherr.Error {
	if e.Is(autherr.LoginRequired) {
		reason := "code_refused"
		if e.Reason == autherr.ReasonGrantSpent {
			reason = e.Reason
		}
		rejected := autherr.WithAdviceOf(autherr.Rejected.New(reason, nil), e)
		rejected.Err = e.Err
		return rejected
	}
	return e
}
