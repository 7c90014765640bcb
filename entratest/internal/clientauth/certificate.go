package clientauth

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1" // #nosec G505 -- x5t is defined as a SHA-1 thumbprint; nothing is protected by it
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
)

// checkCertificate finds the registered certificate that the header names, and verifies the signature with it. The caller
// holds the lock.
func (c *Credentials) checkCertificate(a *assertion, clientID string) *aadsts.Error {
	if a.header.SHA1 == "" && a.header.SHA256 == "" {
		return aadsts.New(50027, "No certificate thumbprint is specified in the token header.")
	}
	thumbprint := a.header.SHA256 + a.header.SHA1
	for _, certificate := range c.certificates {
		if !a.names(certificate) {
			continue
		}
		public, _ := certificate.PublicKey.(*rsa.PublicKey) // checked when it was registered
		ok, fail := a.verify(public)
		switch {
		case fail != nil:
			return fail
		case !ok:
			return aadsts.New(700027, "Client assertion failed signature validation.", "The provided signature value did not match the expected signature value.", thumbprint, clientID)
		case time.Now().After(certificate.NotAfter):
			return aadsts.New(700027, "Client assertion failed signature validation.", "The key used is expired.", thumbprint, clientID)
		default:
			return nil
		}
	}
	return aadsts.New(700027, "The certificate with identifier used to sign the client assertion is not registered on application.", "The key was not found.", thumbprint, clientID)
}

// names reports whether each thumbprint in the header is the certificate's.
func (a *assertion) names(certificate *x509.Certificate) bool {
	long, short := sha256.Sum256(certificate.Raw), sha1.Sum(certificate.Raw) // #nosec G401 -- as above
	return isThumbprint(a.header.SHA256, long[:]) && isThumbprint(a.header.SHA1, short[:])
}

// isThumbprint reports whether text is the encoded sum, or empty. MSAL Go writes base64 with padding,
// although RFC 7515 requires base64url without padding.
func isThumbprint(text string, sum []byte) bool {
	decoded, err := base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(text))
	return text == "" || (err == nil && bytes.Equal(decoded, sum))
}

// spend refuses an assertion that was used before. RFC 7523 section 3 leaves that to the server; Entra is not
// known to check it, and MSAL Node uses one assertion for its whole ten minutes. The caller holds the lock.
func (c *Credentials) spend(a *assertion) *aadsts.Error {
	now, used := time.Now(), c.used
	for id, expires := range used {
		if !now.Before(expires) {
			delete(used, id)
		}
	}
	if _, again := used[a.claims.ID]; again {
		return aadsts.New(50027, "Its jti was used before.")
	}
	used[a.claims.ID] = unix(*a.claims.Expires)
	return nil
}
