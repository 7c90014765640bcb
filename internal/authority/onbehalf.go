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

// OnBehalfOf exchanges an assertion for a token of another service. MSAL gets no cache for this,
// because MSAL Go 1.10.1 exports the wrong cache and cannot read what it has exported. The refresh
// token in the response is discarded, because an API's access on behalf of a user must end with the
// user's token.
func (c *Client) OnBehalfOf(ctx context.Context, of Caller, scopes []string) (t tokencache.Token, err error) {
	if err := c.CanVerify(ctx); err != nil {
		return t, err
	}
	var options []confidential.AcquireOnBehalfOfOption
	if c.Tenant == "" && !c.IsOwn(of.TenantID) { // the endpoint of common cannot redeem it
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
		if !errors.Is(err, autherr.Unavailable) { // the response belongs to another user, so nothing in it is used
			err = autherr.TryLater("identity", err)
		}
		return t, err
	}
	return tokenOf(&got), nil
}

// verifyCaller verifies that a response belongs to the user of the assertion (threat G6). It checks the
// account and the ID token; Entra omits the latter if there is no consent to openid. The account of a
// guest is that of the home tenant, so it cannot be compared with the user of this tenant.
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
