// Package keys holds the keys that sign the emulator's tokens, and publishes their public halves.
package keys

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // #nosec G505 -- x5t is defined as a SHA-1 thumbprint; nothing is protected by it
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"time"
)

// Key is one entry of the JWKS with its private half.
type Key struct {
	ID string

	private *rsa.PrivateKey
	cert    []byte // DER
	tenant  string // the tenant whose tokens it signs; empty for all work tenants
}

// newKey wraps the key in a self-signed certificate, whose thumbprint is the key id, as in Entra ID.
func newKey(private *rsa.PrivateKey) *Key {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // crypto/rand never fails
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "accounts.accesscontrol.windows.net"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(5, 0, 0),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		panic("entratest: " + err.Error()) // cannot fail, because the template is constant
	}
	thumbprint := sha1.Sum(cert) // #nosec G401 -- as above
	return &Key{private: private, ID: base64.RawURLEncoding.EncodeToString(thumbprint[:]), cert: cert}
}

// Public is the public half.
func (k *Key) Public() *rsa.PublicKey { return &k.private.PublicKey }

// RS256 signs input.
func (k *Key) RS256(input []byte) []byte { return RS256(k.private, input) }

// RS512 signs input with an algorithm that Entra does not use.
func (k *Key) RS512(input []byte) []byte {
	digest := sha512.Sum512(input)
	return sign(k.private, crypto.SHA512, digest[:])
}

// RS256 signs input with any private key.
func RS256(private *rsa.PrivateKey, input []byte) []byte {
	digest := sha256.Sum256(input)
	return sign(private, crypto.SHA256, digest[:])
}

func sign(private *rsa.PrivateKey, hash crypto.Hash, digest []byte) []byte {
	signature, err := rsa.SignPKCS1v15(rand.Reader, private, hash, digest)
	if err != nil {
		panic("entratest: " + err.Error()) // 2048 bits hold every digest
	}
	return signature
}

// Encode writes the JWT with these parts, signed by sign.
func Encode(header, claims map[string]any, sign func(input []byte) []byte) string {
	input := encodePart(header) + "." + encodePart(claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(input)))
}

func encodePart(v map[string]any) string {
	encoded, err := json.Marshal(v)
	if err != nil {
		panic("entratest: " + err.Error()) // only a value that was set by a test can fail to encode
	}
	return base64.RawURLEncoding.EncodeToString(encoded)
}
