package entratest

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" // #nosec G505 -- x5t is defined as a SHA-1 thumbprint; nothing is protected by it
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	// maxAssertion is more than any honest assertion, a certificate chain in its header included.
	maxAssertion = 16 << 10
	// maxAssertionLifetime is what Microsoft asks for ("5-10 minutes after nbf at most"). Entra itself does not
	// restrict exp: certificate-credentials.md of the identity platform's documentation.
	maxAssertionLifetime = 10 * time.Minute
	// clockSkew is how far a client's clock may be ahead.
	clockSkew = 5 * time.Minute
)

// assertion is a client assertion, taken apart and not yet believed.
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

// readAssertion takes an assertion apart.
func readAssertion(raw string) (*assertion, *aadError) {
	parts := strings.Split(raw, ".")
	if len(raw) > maxAssertion || len(parts) != 3 {
		return nil, aad(50027, "It is too long or has not three parts.")
	}
	a := &assertion{signed: []byte(parts[0] + "." + parts[1])}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || decodePart(parts[0], &a.header) != nil || decodePart(parts[1], &a.claims) != nil {
		return nil, aad(50027, "A part is not base64url of what it should be.")
	}
	a.signature = signature
	switch c := a.claims; {
	case c.Issuer == "" || c.Subject == "" || c.Audience == nil || c.Expires == nil:
		return nil, aad(50027, "It lacks iss, sub, aud or exp.")
	case a.header.Type != "" && a.header.Type != "JWT" && a.header.Type != "http://openid.net/specs/jwt/1.0":
		return nil, aad(5002727)
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

// audiences are what an assertion for the token endpoint may be made out to: its URL, or the v2.0 issuer.
func (s *Server) audiences(segment string, tenants []*tenant) []string {
	names := []string{segment, strings.ToLower(segment)}
	if !isAlias(segment) {
		names = append(names, tenants[0].id)
	}
	var out []string
	for _, name := range names {
		out = append(out, s.login+"/"+name+"/oauth2/v2.0/token", s.login+"/"+name+"/v2.0")
	}
	return out
}

// checkAssertion authenticates the application by an assertion of its own, or of an issuer it is federated
// with.
func (s *Server) checkAssertion(raw string, audiences []string) *aadError {
	a, fail := readAssertion(raw)
	if fail != nil {
		return fail
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch issuer := strings.ToLower(a.claims.Issuer); {
	case issuer == s.ClientID:
		return s.checkOwnAssertion(a, audiences)
	case guid.MatchString(issuer):
		return aad(700021, a.claims.Issuer)
	default:
		return s.checkFederated(a)
	}
}

// checkOwnAssertion checks an assertion signed with a registered certificate. The caller holds s.mu.
func (s *Server) checkOwnAssertion(a *assertion, audiences []string) *aadError {
	audience, isText := a.claims.Audience.(string)
	switch {
	case !strings.EqualFold(a.claims.Subject, a.claims.Issuer):
		return aad(50048, a.claims.Subject)
	case !isText: // entra: a list is refused even if it has the right one: panva/openid-client#348
		return aad(50027, "Its aud is not a string.")
	case !slices.Contains(audiences, audience):
		return aad(700023, audience)
	case a.claims.ID == "":
		return aad(50027, "It has no jti.")
	}
	if fail := a.checkTime(maxAssertionLifetime + clockSkew); fail != nil {
		return fail
	}
	if fail := s.checkCertificate(a); fail != nil {
		return fail
	}
	return s.spend(a)
}

// checkTime checks exp and nbf; a life of 0 is one without limit.
func (a *assertion) checkTime(life time.Duration) *aadError {
	now, expires, starts := time.Now(), unix(*a.claims.Expires), time.Unix(0, 0)
	if a.claims.NotBefore != nil {
		starts = unix(*a.claims.NotBefore)
	}
	if now.Before(expires) && !starts.After(now.Add(clockSkew)) && (life == 0 || expires.Sub(now) <= life) {
		return nil
	}
	return aad(700024, now.UTC().Format(time.RFC3339Nano), starts.UTC().Format(time.RFC3339Nano), expires.UTC().Format(time.RFC3339Nano))
}

// unix reads a NumericDate; what is beyond all calendars becomes the end of 9999.
func unix(seconds float64) time.Time {
	const end = 253402300799
	return time.Unix(int64(math.Max(0, math.Min(seconds, end))), 0)
}

// checkCertificate finds the registered certificate that the header means and verifies with it.
func (s *Server) checkCertificate(a *assertion) *aadError {
	if a.header.SHA1 == "" && a.header.SHA256 == "" {
		return aad(50027, "No certificate thumbprint is specified in the token header.")
	}
	thumbprint := a.header.SHA256 + a.header.SHA1
	for _, certificate := range s.credentials.certificates {
		if !a.names(certificate) {
			continue
		}
		public, _ := certificate.PublicKey.(*rsa.PublicKey) // checked when it was registered
		ok, fail := a.verify(public)
		switch {
		case fail != nil:
			return fail
		case !ok:
			return aad(700027, "Client assertion failed signature validation.", "The provided signature value did not match the expected signature value.", thumbprint, s.ClientID)
		case time.Now().After(certificate.NotAfter):
			return aad(700027, "Client assertion failed signature validation.", "The key used is expired.", thumbprint, s.ClientID)
		default:
			return nil
		}
	}
	return aad(700027, "The certificate with identifier used to sign the client assertion is not registered on application.", "The key was not found.", thumbprint, s.ClientID)
}

// names tells whether each thumbprint in the header is the certificate's.
func (a *assertion) names(certificate *x509.Certificate) bool {
	long, short := sha256.Sum256(certificate.Raw), sha1.Sum(certificate.Raw) // #nosec G401 -- as above
	return isThumbprint(a.header.SHA256, long[:]) && isThumbprint(a.header.SHA1, short[:])
}

// isThumbprint compares. MSAL Go writes plain base64 with padding where RFC 7515 has base64url without.
func isThumbprint(text string, sum []byte) bool {
	decoded, err := base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(text))
	return text == "" || (err == nil && bytes.Equal(decoded, sum))
}

// verify checks the signature. entra: PS256 is asked for, RS256 is what older libraries sign with.
func (a *assertion) verify(key *rsa.PublicKey) (ok bool, fail *aadError) {
	digest := sha256.Sum256(a.signed)
	switch a.header.Algorithm {
	case "PS256": // RFC 7518, 3.5: the salt is as long as the hash
		return rsa.VerifyPSS(key, crypto.SHA256, digest[:], a.signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil, nil
	case "RS256":
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], a.signature) == nil, nil
	default:
		return false, aad(5002730)
	}
}

// spend notes the assertion as used, if that matters: RFC 7523 section 3 leaves it to the server, Entra is not
// known to look, and MSAL Node signs one for its whole ten minutes.
func (s *Server) spend(a *assertion) *aadError {
	if !s.settings.oneTimeAssertions {
		return nil
	}
	now, used := time.Now(), s.credentials.used
	for id, expires := range used {
		if !now.Before(expires) {
			delete(used, id)
		}
	}
	if _, again := used[a.claims.ID]; again {
		return aad(50027, "Its jti was used before.")
	}
	used[a.claims.ID] = unix(*a.claims.Expires)
	return nil
}

// checkFederated checks a token of another issuer. It may be used until it expires: a workload reads the
// same one from its file again and again. The caller holds s.mu.
func (s *Server) checkFederated(a *assertion) *aadError {
	var ofIssuer, ofSubject []FederatedCredential
	anyCase := false
	for _, f := range s.credentials.federated {
		if f.Issuer != a.claims.Issuer {
			continue
		}
		ofIssuer = append(ofIssuer, f)
		anyCase = anyCase || strings.EqualFold(f.Subject, a.claims.Subject)
		if f.Subject == a.claims.Subject {
			ofSubject = append(ofSubject, f)
		}
	}
	switch {
	case len(ofIssuer) == 0:
		return aad(700211, a.claims.Issuer)
	case len(ofSubject) == 0 && anyCase:
		return aad(7002138, a.claims.Subject)
	case len(ofSubject) == 0:
		return aad(700213, a.claims.Subject)
	}
	return a.matches(ofSubject)
}

// matches finishes with the credentials whose issuer and subject are right.
func (a *assertion) matches(candidates []FederatedCredential) *aadError {
	audience := a.soleAudience()
	i := slices.IndexFunc(candidates, func(f FederatedCredential) bool { return f.Audience == audience })
	if i < 0 {
		return aad(700212, audience)
	}
	if fail := a.checkTime(0); fail != nil {
		return fail
	}
	if a.header.Algorithm != "RS256" { // entra: the one algorithm of workload identity federation
		return aad(5002730)
	}
	for _, key := range candidates[i].Keys {
		if ok, _ := a.verify(key); ok {
			return nil
		}
	}
	return aad(7000272, a.claims.Issuer)
}

// soleAudience is the one aud; Kubernetes writes it as a list of one.
func (a *assertion) soleAudience() string {
	if list, ok := a.claims.Audience.([]any); ok && len(list) == 1 {
		one, _ := list[0].(string)
		return one
	}
	one, _ := a.claims.Audience.(string)
	return one
}
