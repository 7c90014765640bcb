// Package accesstoken verifies the access tokens with which clients call an app's own API.
//
// It follows the defaults of Microsoft.Identity.Web: RS256 only, the keys and the issuer of the token's
// version, the audience, the tenant, the times, and a permission, of a user or of the calling app.
package accesstoken

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/idtoken"
)

// Reason identifies the check that a token failed. It is a stable code for logs.
type Reason string

// The reasons for rejecting a token.
const (
	Malformed        Reason = "access_token_malformed"
	WrongVersion     Reason = "access_token_version"
	BadSignature     Reason = "access_token_signature"
	WrongIssuer      Reason = "access_token_issuer"
	TenantNotAllowed Reason = "tenant_not_allowed"
	WrongAudience    Reason = "access_token_audience"
	OutOfTime        Reason = "access_token_time"
	MissingClaim     Reason = "access_token_claims"
	IsIDToken        Reason = "access_token_is_id_token"
	NoPermission     Reason = "access_token_without_permission"
)

// Error reports a rejected token. Its text contains no part of the token.
type Error struct{ Reason Reason }

func (e *Error) Error() string { return "access token refused: " + string(e.Reason) }

func reject(r Reason) error { return &Error{r} }

// Issuer is the issuer of one version of tokens.
type Issuer struct {
	// Name contains [discovery.TenantPlaceholder] if the authority serves many tenants.
	Name string
	Keys *idtoken.KeySet
}

// Verifier verifies access tokens for one API. It is immutable and safe for concurrent use.
type Verifier struct {
	ClientID string
	// Audiences are App ID URIs of the API, besides those that follow from ClientID.
	Audiences []string
	// Issuers has the issuer of each version.
	Issuers map[string]Issuer
	// Admits reports whether users and apps of a tenant may call.
	Admits func(tenant string) bool
	// WithoutPermission accepts tokens with neither scopes nor roles: any client of the tenant can get one.
	WithoutPermission bool
	// Skew is the maximum difference between two clocks.
	Skew time.Duration
}

// Verify returns the claims of a token, an [*Error], or [idtoken.ErrKeysUnavailable] if the keys could
// not be fetched.
func (v *Verifier) Verify(ctx context.Context, raw string) (*Claims, error) {
	p, payload, err := decode(raw)
	if err != nil {
		return nil, err
	}
	// The checks before the signature only select the reason for the error.
	issuer, err := v.check(p)
	if err != nil {
		return nil, err
	}
	signed, err := issuer.Keys.Verify(ctx, raw, p.Issuer)
	switch {
	case errors.Is(err, idtoken.ErrKeysUnavailable):
		return nil, idtoken.ErrKeysUnavailable
	case err != nil, !bytes.Equal(signed, payload):
		return nil, reject(BadSignature)
	}
	p.Audience = p.audiences[0]
	if err := v.checkTime(&p.Claims, time.Now()); err != nil {
		return nil, err
	}
	return &p.Claims, nil
}

func (v *Verifier) check(p *parsed) (Issuer, error) {
	issuer, known := v.Issuers[p.Version]
	switch {
	case p.isIDToken:
		return issuer, reject(IsIDToken)
	case !known:
		return issuer, reject(WrongVersion)
	case p.ObjectID == "" || p.Subject == "" || p.ClientID == "" || p.Expiry == 0 || p.IssuedAt == 0 || p.NotBefore == 0:
		return issuer, reject(MissingClaim) // an ID token names no client that calls
	case !discovery.IsGUID(p.TenantID) || p.TenantID != strings.ToLower(p.TenantID) || !v.Admits(p.TenantID):
		return issuer, reject(TenantNotAllowed)
	case p.Issuer != strings.Replace(issuer.Name, discovery.TenantPlaceholder, p.TenantID, 1):
		return issuer, reject(WrongIssuer)
	case len(p.audiences) != 1 || !v.isAudience(p.Version, p.audiences[0]):
		return issuer, reject(WrongAudience)
	case len(p.Scopes) == 0 && len(p.Roles) == 0 && !v.WithoutPermission:
		return issuer, reject(NoPermission)
	}
	return issuer, nil
}

// isAudience reports whether an audience is the API. Entra puts the client ID into tokens of version 2
// and the App ID URI that the client asked for, with or without a slash, into those of version 1.
func (v *Verifier) isAudience(version, audience string) bool {
	own := v.ClientID
	if version == "1.0" {
		own = "api://" + v.ClientID
	}
	audience = strings.TrimSuffix(audience, "/")
	return audience == own || slices.ContainsFunc(v.Audiences, func(uri string) bool { return strings.TrimSuffix(uri, "/") == audience })
}

func (v *Verifier) checkTime(c *Claims, now time.Time) error {
	at, skew := now.Unix(), int64(v.Skew/time.Second)
	const never = 1e11 // the year 5138
	if c.Expiry > never || at > c.Expiry+skew || at < c.NotBefore-skew || at < c.IssuedAt-skew {
		return reject(OutOfTime)
	}
	return nil
}
