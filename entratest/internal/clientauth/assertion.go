package clientauth

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
)

const (
	// maxAssertion is longer than any real assertion, even with a certificate chain in its header.
	maxAssertion = 16 << 10
	// maxAssertionLifetime is Microsoft's recommendation ("5-10 minutes after nbf at most"). Entra itself does not
	// restrict exp: certificate-credentials.md of the identity platform's documentation.
	maxAssertionLifetime = 10 * time.Minute
	// clockSkew is how far a client's clock may be ahead.
	clockSkew = 5 * time.Minute
)

// assertion is a parsed client assertion that is not verified yet.
type assertion struct {
	header struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
		SHA1      string `json:"x5t"`
		SHA256    string `json:"x5t#S256"`
	}
	claims struct {
		Issuer    string   `json:"iss"`
		Subject   string   `json:"sub"`
		Audience  any      `json:"aud"`
		ID        string   `json:"jti"`
		Expires   *float64 `json:"exp"`
		NotBefore *float64 `json:"nbf"`
	}
	signed, signature []byte
}

// readAssertion parses an assertion.
func readAssertion(raw string) (*assertion, *aadsts.Error) {
	parts := strings.Split(raw, ".")
	if len(raw) > maxAssertion || len(parts) != 3 {
		return nil, aadsts.New(50027, "It is too long or has not three parts.")
	}
	a := &assertion{signed: []byte(parts[0] + "." + parts[1])}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || decodePart(parts[0], &a.header) != nil || decodePart(parts[1], &a.claims) != nil {
		return nil, aadsts.New(50027, "A part is not base64url of what it should be.")
	}
	a.signature = signature
	switch c := a.claims; {
	case c.Issuer == "" || c.Subject == "" || c.Audience == nil || c.Expires == nil:
		return nil, aadsts.New(50027, "It lacks iss, sub, aud or exp.")
	case a.header.Type != "" && a.header.Type != "JWT" && a.header.Type != "http://openid.net/specs/jwt/1.0":
		return nil, aadsts.New(5002727)
	default:
		return a, nil
	}
}

func decodePart(part string, into any) error {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return fmt.Errorf("base64url: %w", err)
	}
	return json.Unmarshal(decoded, into)
}

// checkOwnClaims checks the claims of an assertion signed with a registered certificate.
func (a *assertion) checkOwnClaims(audiences []string) *aadsts.Error {
	audience, isText := a.claims.Audience.(string)
	switch {
	case !strings.EqualFold(a.claims.Subject, a.claims.Issuer):
		return aadsts.New(50048, a.claims.Subject)
	case !isText: // entra: a list is refused even if it contains the right one (panva/openid-client#348)
		return aadsts.New(50027, "Its aud is not a string.")
	case !slices.Contains(audiences, audience):
		return aadsts.New(700023, audience)
	case a.claims.ID == "":
		return aadsts.New(50027, "It has no jti.")
	}
	return a.checkTime(maxAssertionLifetime + clockSkew)
}

// checkTime checks exp and nbf. A life of 0 means that the lifetime is not limited.
func (a *assertion) checkTime(life time.Duration) *aadsts.Error {
	now, expires, starts := time.Now(), unix(*a.claims.Expires), time.Unix(0, 0)
	if a.claims.NotBefore != nil {
		starts = unix(*a.claims.NotBefore)
	}
	if now.Before(expires) && !starts.After(now.Add(clockSkew)) && (life == 0 || expires.Sub(now) <= life) {
		return nil
	}
	return aadsts.New(700024, now.UTC().Format(time.RFC3339Nano), starts.UTC().Format(time.RFC3339Nano), expires.UTC().Format(time.RFC3339Nano))
}

// unix reads a NumericDate. Dates after the year 9999 are replaced by its end.
func unix(seconds float64) time.Time {
	const end = 253402300799
	return time.Unix(int64(math.Max(0, math.Min(seconds, end))), 0)
}

// verify checks the signature. entra: PS256 is recommended, older libraries sign with RS256.
func (a *assertion) verify(key *rsa.PublicKey) (ok bool, fail *aadsts.Error) {
	digest := sha256.Sum256(a.signed)
	switch a.header.Algorithm {
	case "PS256": // RFC 7518, 3.5: the salt is as long as the hash
		return rsa.VerifyPSS(key, crypto.SHA256, digest[:], a.signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil, nil
	case "RS256":
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], a.signature) == nil, nil
	default:
		return false, aadsts.New(5002730)
	}
}

// soleAudience returns the only aud. Kubernetes writes it as a list with one element.
func (a *assertion) soleAudience() string {
	if list, ok := a.claims.Audience.([]any); ok && len(list) == 1 {
		one, _ := list[0].(string)
		return one
	}
	one, _ := a.claims.Audience.(string)
	return one
}
