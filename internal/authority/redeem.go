package authority

import (
	"context"
	"strings"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/msalcache"
)

// Grant is the result of redeeming a code. Its id_token is not verified yet.
type Grant struct {
	Tokens  *msalcache.Memory
	IDToken string
	Account Account
	Scopes  []string // granted
	// Failure is why the tokens cannot be used although there is an id_token. If that is not
	// genuine, its error is the one to report.
	Failure error
}

// Redeem exchanges a code for tokens, which stay in memory. beforeSending is called
// right before the code is sent, and its error prevents that, because Entra accepts a code only
// once.
func (c *Client) Redeem(ctx context.Context, code, verifier string, scopes []string, beforeSending func() error) (*Grant, error) {
	g := &Grant{Tokens: msalcache.NewMemory(nil)}
	var result confidential.AuthResult
	x, err := c.callMSAL(ctx, g.Tokens, func(client confidential.Client, x *exchange) (err error) {
		x.beforeSending = beforeSending
		result, err = client.AcquireTokenByAuthCode(ctx, code, c.RedirectURI, scopes, confidential.WithChallenge(verifier))
		return err
	})
	if x == nil {
		return nil, err
	}
	g.IDToken, g.Scopes = x.response.IDToken, strings.Fields(x.response.Scope)
	var ok bool
	g.Account, ok = x.response.account()
	switch {
	case err != nil:
		g.Failure = redemptionFailure(x.failure(scopes, true))
	case g.IDToken == "":
		g.Failure = autherr.Rejected.New("no_id_token", nil)
	case !ok || result.Account.HomeAccountID != g.Account.String():
		g.Failure = autherr.Rejected.New("client_info", nil)
	}
	if g.IDToken == "" {
		return nil, g.Failure
	}
	return g, nil
}

// redemptionFailure turns the rejection of a code into that of the sign-in, because the code has been
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
