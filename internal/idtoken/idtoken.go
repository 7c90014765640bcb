// Package idtoken verifies Entra's ID tokens in full.
//
// MSAL Go decodes an ID token without verifying it, so even an unsigned token of a foreign issuer
// passes (threat B1). This package therefore checks everything on which a session relies: signature,
// issuer, tenant, audience, lifetime, nonce and the presence of the identity claims.
package idtoken

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/jws"
)

// maxLength is the maximum length of tokens that are parsed. Real ones have a few kilobytes (threat
// B11).
const maxLength = 64 << 10

// Reason identifies the check that a token failed. It is a stable code for logs.
type Reason string

// The reasons for rejecting a token.
const (
	Malformed        Reason = "id_token_malformed"
	BadSignature     Reason = "id_token_signature"
	WrongIssuer      Reason = "id_token_issuer"
	TenantNotAllowed Reason = "tenant_not_allowed"
	WrongAudience    Reason = "id_token_audience"
	WrongNonce       Reason = "id_token_nonce"
	OutOfTime        Reason = "id_token_time"
	MissingClaim     Reason = "id_token_claims"
)

// Error reports a rejected token. Its text never contains any part of the token.
type Error struct {
	Reason Reason
	// Ahead is how far this machine's clock is ahead of the times that the token allows, or behind them
	// if negative. It is 0 if the reason is not about time, or if the token's time is not plausible.
	Ahead time.Duration
}

func (e *Error) Error() string { return "id_token refused: " + string(e.Reason) }

func reject(r Reason) error { return &Error{Reason: r} }

// Claims are the claims of a verified ID token.
type Claims struct {
	Issuer   string
	Subject  string
	TenantID string
	ObjectID string

	Nonce           string
	AuthorizedParty string

	Expiry    *float64
	IssuedAt  *float64
	NotBefore *float64

	Name             string
	Username         string
	Email            string
	Roles            []string
	SessionID        string
	LoginHint        string
	IdentityProvider string
	AuthContexts     []string
	AuthTime         *float64

	Groups []string
	// ClaimNames contains the names of claims that are available from another endpoint (OpenID Connect
	// Core section 5.6.2). Entra does this for groups if there are more than 200.
	ClaimNames map[string]string
	HasGroups  bool

	Audience audience

	// Unusable contains the names of claims that were ignored, at least in part, because of their JSON
	// type. It never contains the identity, the times or the nonce.
	Unusable []string
}

// AuthenticatedAt returns the time at which the user authenticated, if the token
// has a plausible auth_time.
func (c *Claims) AuthenticatedAt() (at time.Time, ok bool) {
	if c.AuthTime == nil || !plausible(*c.AuthTime) {
		return time.Time{}, false
	}
	return time.Unix(int64(*c.AuthTime), 0), true
}

// GroupsElsewhere reports whether the user has groups that the token does not list.
func (c *Claims) GroupsElsewhere() bool {
	_, named := c.ClaimNames["groups"]
	return c.HasGroups || named || len(c.Groups) > maxGroups
}

// maxGroups is how many groups Entra puts into an ID token.
const maxGroups = 200

// audience is one string or a list of strings (OpenID Connect Core section 2).
type audience []string

// UnmarshalJSON implements [json.Unmarshaler].
func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

// Verifier verifies ID tokens for one registration. It is immutable and safe for concurrent use.
type Verifier struct {
	// Issuer is the expected issuer. It contains [discovery.TenantPlaceholder] if the
	// authority serves many tenants.
	Issuer string
	// Tenants are the IDs of the tenants whose users may sign in, in lower case.
	Tenants []string
	// AnyTenant admits the users of every tenant. [ConsumersTenant] is excluded unless Personal is set.
	AnyTenant, Personal bool
	// ClientID is the expected audience.
	ClientID string
	// Keys are the authority's signing keys.
	Keys *KeySet
	// Skew is the maximum difference between two clocks.
	Skew time.Duration
}

// Expects reports whether issuer belongs to a tenant whose users may sign in.
func (v *Verifier) Expects(issuer string) bool {
	if before, after, many := strings.Cut(v.Issuer, discovery.TenantPlaceholder); many && v.AnyTenant {
		tenant := strings.TrimSuffix(strings.TrimPrefix(issuer, before), after)
		return v.admits(tenant) && v.issuerOf(tenant) == issuer
	}
	return slices.ContainsFunc(v.Tenants, func(tenant string) bool { return v.issuerOf(tenant) == issuer })
}

// ConsumersTenant is the home tenant of all personal Microsoft accounts.
const ConsumersTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// admits reports whether users of a tenant may sign in.
func (v *Verifier) admits(tenant string) bool {
	if v.AnyTenant {
		return discovery.IsGUID(tenant) && tenant == strings.ToLower(tenant) && (v.Personal || tenant != ConsumersTenant)
	}
	return slices.Contains(v.Tenants, tenant)
}

func (v *Verifier) issuerOf(tenant string) string {
	return strings.Replace(v.Issuer, discovery.TenantPlaceholder, tenant, 1)
}

// Verify verifies the token of the sign-in that had this nonce. It returns an
// [*Error], or [ErrKeysUnavailable] if the keys could not be fetched.
func (v *Verifier) Verify(ctx context.Context, raw, nonce string) (*Claims, error) {
	c, err := v.verify(ctx, raw, time.Now())
	if err != nil {
		return nil, err
	}
	if nonce == "" || c.Nonce != nonce {
		return nil, reject(WrongNonce)
	}
	return c, nil
}

// VerifyRefreshed verifies a token that a refresh returned. The token must have been valid at
// the time receivedAt. Its nonce is not compared, because a refresh has none (OpenID Connect
// Core section 12.2).
func (v *Verifier) VerifyRefreshed(ctx context.Context, raw string, receivedAt time.Time) (*Claims, error) {
	return v.verify(ctx, raw, receivedAt)
}

func (v *Verifier) verify(ctx context.Context, raw string, now time.Time) (*Claims, error) {
	c, parts, err := decode(raw)
	if err != nil {
		return nil, err
	}
	// The checks before the signature only select the reason for the error. No claim
	// is trusted before the signature is verified.
	issuer := v.issuerOf(c.TenantID)
	switch {
	case c.Subject == "" || c.ObjectID == "" || c.TenantID == "" || c.Expiry == nil || c.IssuedAt == nil:
		return nil, reject(MissingClaim)
	case !v.admits(c.TenantID):
		return nil, reject(TenantNotAllowed)
	case c.Issuer != issuer:
		return nil, reject(WrongIssuer)
	case !v.isAudience(c):
		return nil, reject(WrongAudience)
	}
	if err := v.verifySignature(ctx, &parts, issuer); err != nil {
		return nil, err
	}
	return c, v.checkTime(c, now)
}

// isAudience reports whether the token is for this client. A token with several
// audiences must also name the client as the authorized party (OpenID Connect Core
// section 3.1.3.7, items 3 to 5).
func (v *Verifier) isAudience(c *Claims) bool {
	if len(c.Audience) > 1 || c.AuthorizedParty != "" {
		return slices.Contains(c.Audience, v.ClientID) && c.AuthorizedParty == v.ClientID
	}
	return len(c.Audience) == 1 && c.Audience[0] == v.ClientID
}

// verifySignature verifies the signature. It refuses a token that contains a key, because Entra's tokens never do.
func (v *Verifier) verifySignature(ctx context.Context, p *jws.Parts, issuer string) error {
	h, err := p.ReadHeader()
	if err != nil || h.HasKey {
		return reject(BadSignature)
	}
	switch err := v.Keys.Verify(ctx, h, issuer); {
	case errors.Is(err, ErrKeysUnavailable):
		return ErrKeysUnavailable
	case err != nil:
		return reject(BadSignature)
	}
	return nil
}

func (v *Verifier) checkTime(c *Claims, now time.Time) error {
	at, skew := float64(now.Unix()), v.Skew.Seconds()
	if !plausible(*c.Expiry) || at > *c.Expiry+skew {
		return outOfTime(at, *c.Expiry)
	}
	for _, earliest := range []*float64{c.IssuedAt, c.NotBefore} {
		if earliest != nil && (!plausible(*earliest) || at < *earliest-skew) {
			return outOfTime(at, *earliest)
		}
	}
	return nil
}

// outOfTime returns the error for a token at a time that differs too much from one of the token's times.
func outOfTime(at, allowed float64) error {
	e := &Error{Reason: OutOfTime}
	if plausible(allowed) {
		e.Ahead = time.Unix(int64(at), 0).Sub(time.Unix(int64(allowed), 0)) // at most the longest duration
	}
	return e
}

// plausible reports whether a time is plausible. Negative times and times after the year 5138 are not,
// and are rejected before they are compared.
func plausible(seconds float64) bool {
	return !math.IsNaN(seconds) && seconds > 0 && seconds < 1e11
}

// decode decodes the payload of a compact JWS without verifying it.
func decode(raw string) (*Claims, jws.Parts, error) {
	if len(raw) > maxLength {
		return nil, jws.Parts{}, reject(Malformed)
	}
	parts, ok := jws.Split([]byte(raw))
	if !ok {
		return nil, parts, reject(Malformed)
	}
	payload, err := jws.DecodeObject(parts.Payload)
	if err != nil {
		return nil, parts, reject(Malformed)
	}
	c, err := claimsOf(payload)
	if err != nil {
		return nil, parts, reject(Malformed)
	}
	return c, parts, nil
}
