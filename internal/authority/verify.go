package authority

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/idtoken"
	"github.com/fibermsal/fibermsal/internal/phrases"
)

// verifier returns the verifier of the authority's ID tokens.
func (c *Client) verifier(m *discovery.Metadata) *idtoken.Verifier {
	tenants := c.AllowedTenants
	if tenants == nil {
		tenants = []string{m.Tenant()}
	}
	return &idtoken.Verifier{
		Issuer: m.Issuer, Tenants: tenants, AnyTenant: c.AnyTenant, Personal: c.Personal,
		ClientID: c.ClientID, Keys: c.keys, Skew: ClockSkew,
	}
}

// Expects reports whether responses of an issuer are accepted.
func (c *Client) Expects(ctx context.Context, issuer string) (bool, error) {
	m, err := c.Metadata(ctx)
	if err != nil {
		return false, err
	}
	return c.verifier(m).Expects(issuer), nil
}

// CanVerify returns an error if ID tokens cannot be verified at present. It is called before a refresh
// token is used.
func (c *Client) CanVerify(ctx context.Context) error {
	if _, err := c.Metadata(ctx); err != nil {
		return err
	}
	if err := c.keys.Ready(ctx); err != nil {
		return rejectedToken(err)
	}
	return nil
}

// VerifyNew verifies the ID token of a sign-in that sent a nonce.
func (c *Client) VerifyNew(ctx context.Context, idToken, nonce string) (*idtoken.Claims, error) {
	m, err := c.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	claims, err := c.verifier(m).Verify(ctx, idToken, nonce)
	if err != nil {
		return nil, rejectedToken(err)
	}
	if len(claims.Unusable) > 0 {
		c.Log.LogAttrs(ctx, slog.LevelWarn, "claims of an unexpected JSON type are not used", slog.Any("claims", claims.Unusable))
	}
	return claims, nil
}

// Holder is the user whose tokens are renewed.
type Holder struct{ Account, TenantID, UserID, Subject string }

// VerifyRenewed verifies that a renewal has returned tokens of the holder (OpenID Connect Core section
// 12.2; threat B8). The ID token must have been valid when it arrived, because verification may have
// had to wait for the keys.
func (c *Client) VerifyRenewed(ctx context.Context, r *Renewed, holder Holder) error {
	if !r.hasAccount || r.account.String() != holder.Account {
		return autherr.Rejected.New("client_info", nil)
	}
	if r.idToken == "" {
		return nil
	}
	claims, err := c.refreshedClaims(ctx, r.idToken, r.receivedAt)
	if err != nil {
		return err
	}
	if claims.TenantID != holder.TenantID || claims.ObjectID != holder.UserID || claims.Subject != holder.Subject {
		return autherr.Rejected.New("identity", nil)
	}
	return nil
}

// refreshedClaims returns the claims of an ID token without a nonce.
func (c *Client) refreshedClaims(ctx context.Context, idToken string, receivedAt time.Time) (*idtoken.Claims, error) {
	m, err := c.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	claims, err := c.verifier(m).VerifyRefreshed(ctx, idToken, receivedAt)
	if err != nil {
		return nil, rejectedToken(err)
	}
	return claims, nil
}

// rejectedToken converts an error of verifying an ID token.
func rejectedToken(err error) error {
	if errors.Is(err, idtoken.ErrKeysUnavailable) {
		return autherr.TryLater(autherr.ReasonKeys, nil)
	}
	var rejected *idtoken.Error
	if !errors.As(err, &rejected) {
		return autherr.Rejected.New("id_token", nil)
	}
	if rejected.Reason == idtoken.TenantNotAllowed || rejected.Reason == idtoken.WrongIssuer {
		return autherr.TenantNotAllowed.New(string(rejected.Reason), nil)
	}
	if rejected.Reason == idtoken.OutOfTime {
		return wrongClock(rejected.Ahead)
	}
	return autherr.Rejected.New(string(rejected.Reason), nil)
}

// wrongClock returns the error for an ID token that is not valid now. Entra has just issued it, so the
// clock of this machine is wrong, which users cannot change.
func wrongClock(ahead time.Duration) error {
	direction := "ahead of"
	if ahead < 0 {
		direction = "behind"
	}
	return autherr.WithWords(autherr.Rejected.New(autherr.ReasonClock, fmt.Errorf(
		"the id_token that Entra has just issued is not valid by the clock of this machine: set the clock, which is %v %s the token's times", ahead.Abs(), direction)),
		autherr.Misconfigured.MessageKey(), phrases.None)
}
