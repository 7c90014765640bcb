package authority

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fibermsal/fibermsal/internal/accesstoken"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/idtoken"
)

// VerifyAccessToken verifies a token with which a client calls the app's API.
func (c *Client) VerifyAccessToken(ctx context.Context, raw []byte) (*accesstoken.Claims, error) {
	claims, err := c.tokenVerifier().Verify(ctx, raw)
	if err != nil {
		return nil, refusedToken(err)
	}
	return claims, nil
}

// CheckAccessToken returns an error if a token that was verified before is no longer valid.
func CheckAccessToken(claims *accesstoken.Claims) error {
	if err := claims.CheckTime(time.Now(), ClockSkew); err != nil {
		return refusedToken(err)
	}
	return nil
}

// tokenVerifier returns the verifier of the access tokens for the app's API.
func (c *Client) tokenVerifier() *accesstoken.Verifier {
	return &accesstoken.Verifier{
		ClientID: c.ClientID, Audiences: c.Audiences, Issuer: c.tokenIssuer, Admits: c.Admits,
		WithoutPermission: c.WithoutPermission, Skew: ClockSkew,
	}
}

// tokenIssuer returns the issuer of a version of access tokens.
func (c *Client) tokenIssuer(ctx context.Context, version string) (accesstoken.Issuer, error) {
	current, err := c.Metadata(ctx)
	if err != nil {
		return accesstoken.Issuer{}, err
	}
	if version != accesstoken.Version1 {
		return accesstoken.Issuer{Name: current.Issuer, Keys: c.keys}, nil
	}
	m, err := c.metadataVersion1(ctx)
	if err != nil {
		return accesstoken.Issuer{}, err
	}
	// Keys of version 1 contain the issuer of version 2, or none. In that case the keys of version 2
	// contain it.
	return accesstoken.Issuer{Name: m.Issuer, Keys: c.version1Keys, KeyIssuers: []string{current.Issuer}}, nil
}

// refusedToken converts an error of verifying an access token.
func refusedToken(err error) error {
	var refused *accesstoken.Error
	switch {
	case errors.Is(err, idtoken.ErrKeysUnavailable):
		return autherr.TryLater(autherr.ReasonKeys, nil)
	case !errors.As(err, &refused):
		return err // the error about the missing configuration
	}
	return autherr.InvalidToken.New(string(refused.Reason), fmt.Errorf("%s", refused.Reason.Hint()))
}
