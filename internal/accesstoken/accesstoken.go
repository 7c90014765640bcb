// Package accesstoken verifies the access tokens with which clients call an app's own API.
//
// It makes the same checks as Microsoft.Identity.Web by default: RS256 only, the keys and the issuer of
// the token's version, the audience, the tenant, the times, and a permission of the user or of the
// calling app.
package accesstoken

import (
	"cmp"
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

// hints contain what to do about a rejected token if the cause is probably the client or a setting, and
// not an attack.
var hints = map[Reason]string{
	Malformed:        "the token is not a signed JWT as Entra issues for APIs; an opaque token is for another service",
	OutOfTime:        "the token has expired or is not valid yet: the client must get a new one, or a clock is wrong",
	WrongVersion:     "the token has no version that Entra issues for APIs",
	WrongIssuer:      "the token is of another tenant or cloud",
	TenantNotAllowed: "users and apps of the token's tenant may not call",
	WrongAudience:    "the token is for another API: the client must request a scope of this one, and an App ID URI must be in Config.Audiences",
	IsIDToken:        "the token is an ID token; a client calls an API with an access token",
	NoPermission:     "the token has neither scopes nor roles: expose a scope or an app role in the registration, and request it",
	MissingClaim:     "the token lacks claims that every access token of Entra has",
}

// Hint returns what to do about a reason, for the log, or the reason itself.
func (r Reason) Hint() string { return cmp.Or(hints[r], string(r)) }

// Error reports a rejected token. Its text contains no part of the token.
type Error struct{ Reason Reason }

func (e *Error) Error() string { return "access token refused: " + string(e.Reason) }

func reject(r Reason) error { return &Error{r} }

// Issuer is the issuer of one version of tokens.
type Issuer struct {
	// Name contains [discovery.TenantPlaceholder] if the authority serves many tenants.
	Name string
	Keys *idtoken.KeySet
	// KeyIssuers are further names by which keys identify the issuer, in addition to Name.
	KeyIssuers []string
}

// of returns the name of an issuer for a tenant.
func of(tenant, name string) string {
	return strings.Replace(name, discovery.TenantPlaceholder, tenant, 1)
}

// keyIssuers returns the issuers of which a key must have one to sign tokens of a tenant.
func (i Issuer) keyIssuers(tenant string) []string {
	names := []string{of(tenant, i.Name)}
	for _, name := range i.KeyIssuers {
		names = append(names, of(tenant, name))
	}
	return names
}

// Verifier verifies access tokens for one API. It is immutable and safe for concurrent use.
type Verifier struct {
	ClientID string
	// Audiences are App ID URIs of the API, in addition to those that follow from ClientID.
	Audiences []string
	// Issuer returns the issuer of a version, or [idtoken.ErrKeysUnavailable].
	Issuer func(ctx context.Context, version string) (Issuer, error)
	// Admits reports whether users and apps of a tenant may call the API.
	Admits func(tenant string) bool
	// WithoutPermission accepts tokens that have neither scopes nor roles, which any client in the
	// tenant can get.
	WithoutPermission bool
	// Skew is the maximum difference between two clocks.
	Skew time.Duration
}

// Verify returns the claims of a token, an [*Error], or [idtoken.ErrKeysUnavailable] if the keys could
// not be fetched.
func (v *Verifier) Verify(ctx context.Context, raw []byte) (*Claims, error) {
	p, h, err := decode(raw)
	if err != nil {
		return nil, err
	}
	// The checks before the signature only select the reason for the error.
	if err := v.check(p); err != nil {
		return nil, err
	}
	issuer, err := v.Issuer(ctx, p.Version)
	if err != nil {
		return nil, err
	}
	if p.Issuer != of(p.TenantID, issuer.Name) {
		return nil, reject(WrongIssuer)
	}
	switch err := issuer.Keys.Verify(ctx, h, issuer.keyIssuers(p.TenantID)...); {
	case errors.Is(err, idtoken.ErrKeysUnavailable):
		return nil, idtoken.ErrKeysUnavailable
	case err != nil:
		return nil, reject(BadSignature)
	}
	if err := p.CheckTime(time.Now(), v.Skew); err != nil {
		return nil, err
	}
	return &p.Claims, nil
}

// The versions of tokens. The registration of the API determines the version.
const (
	Version1 = "1.0"
	Version2 = "2.0"
)

func (v *Verifier) check(p *parsed) error {
	switch {
	case p.isIDToken:
		return reject(IsIDToken)
	case p.Version != Version1 && p.Version != Version2:
		return reject(WrongVersion)
	case p.ObjectID == "" || p.Subject == "" || p.ClientID == "" || p.Expiry == 0 || p.IssuedAt == 0 || p.NotBefore == 0:
		return reject(MissingClaim) // an ID token contains no calling client
	case !discovery.IsGUID(p.TenantID) || p.TenantID != strings.ToLower(p.TenantID) || !v.Admits(p.TenantID):
		return reject(TenantNotAllowed)
	case len(p.audiences) != 1 || !v.isAudience(p.Version, p.audiences[0]):
		return reject(WrongAudience)
	case len(p.Scopes) == 0 && len(p.Roles) == 0 && !v.WithoutPermission:
		return reject(NoPermission)
	}
	p.Audience = p.audiences[0]
	return nil
}

// isAudience reports whether an audience is the API. In version 2 tokens, Entra puts the client ID into
// aud; in version 1 tokens, the App ID URI that the client requested, with or without a trailing slash.
func (v *Verifier) isAudience(version, audience string) bool {
	isURI := func(uri string) bool { return strings.TrimSuffix(uri, "/") == strings.TrimSuffix(audience, "/") }
	own := version == Version2 && audience == v.ClientID || version == Version1 && isURI("api://"+v.ClientID)
	return own || slices.ContainsFunc(v.Audiences, isURI)
}

// CheckTime returns an error if a verified token is not valid at a time.
func (c *Claims) CheckTime(now time.Time, maxSkew time.Duration) error {
	at, skew := now.Unix(), int64(maxSkew/time.Second)
	const never = 1e11 // the year 5138
	if c.Expiry > never || at > c.Expiry+skew || at < c.NotBefore-skew || at < c.IssuedAt-skew {
		return reject(OutOfTime)
	}
	return nil
}
