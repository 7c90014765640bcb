package authority

import (
	"context"
	"errors"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/tokencache"
)

// Caller is the user of an access token, the assertion, with which a client called the app's API.
type Caller struct{ Assertion, TenantID, UserID string }

// OnBehalfOf exchanges an assertion for a token of another service. MSAL has no cache for it, because
// MSAL Go 1.10.1 exports the wrong one and cannot read what it exported. The refresh token of the response
// is dropped: an API's access to a user ends with the user's token.
func (c *Client) OnBehalfOf(ctx context.Context, of Caller, scopes []string) (t tokencache.Token, err error) {
	if err := c.CanVerify(ctx); err != nil {
		return t, err
	}
	var options []confidential.AcquireOnBehalfOfOption
	if c.Tenant == "" && !c.IsOwn(of.TenantID) { // common cannot redeem it
		options = append(options, confidential.WithTenantID(of.TenantID))
	}
	ctx, cancel := withinTimeout(ctx)
	defer cancel()
	var got confidential.AuthResult
	x, err := c.callMSAL(ctx, nil, func(client confidential.Client, _ *exchange) (err error) {
		got, err = client.AcquireTokenOnBehalfOf(ctx, of.Assertion, scopes, options...)
		return err
	})
	switch {
	case x == nil:
		return t, err
	case err != nil:
		return t, x.failure(scopes, true)
	}
	if err := c.verifyCaller(ctx, x, of); err != nil {
		if !errors.Is(err, autherr.Unavailable) { // another's response: nothing of it is used
			err = autherr.TryLater("identity", err)
		}
		return t, err
	}
	return tokenOf(&got), nil
}

// verifyCaller verifies that a response is about the user of the assertion (threat G6), by the account
// and, unless Entra has left it out because openid is not consented to, the id_token. The account of a
// guest is that of another tenant, and says nothing about the user of this one.
func (c *Client) verifyCaller(ctx context.Context, x *exchange, of Caller) error {
	account, ok := x.response.account()
	switch {
	case ok && account.TenantID == of.TenantID && account.ObjectID != of.UserID:
		return autherr.Rejected.New("client_info", nil)
	case x.response.IDToken != "":
		return c.verifyCallersIDToken(ctx, x, of)
	case !ok:
		return autherr.Rejected.New("no_identity", nil)
	}
	return nil
}

func (c *Client) verifyCallersIDToken(ctx context.Context, x *exchange, of Caller) error {
	claims, err := c.refreshedClaims(ctx, x.response.IDToken, x.receivedAt)
	if err != nil {
		return err
	}
	if claims.TenantID != of.TenantID || claims.ObjectID != of.UserID {
		return autherr.Rejected.New("identity", nil)
	}
	return nil
}
