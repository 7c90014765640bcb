package entratest

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"

	"github.com/fibermsal/fibermsal/entratest/internal/issuer"
	"github.com/fibermsal/fibermsal/entratest/internal/keys"
)

// JWT is a token before it is signed, for [Server.TamperIDToken] and [Server.TamperAccessToken]. Every
// change is allowed: the token becomes header.claims.signature, whatever these contain.
type JWT struct {
	// Header and Claims are encoded as JSON. Values may have any type that can be encoded, including json.RawMessage.
	Header, Claims map[string]any
	// Sign returns the signature of the encoded header and claims. Default: RS256 with the correct key.
	Sign func(input []byte) []byte
	// Raw, if not empty, is sent instead of the token.
	Raw string
	// PublicKey is the public half of the correct key, which the JWKS contains.
	PublicKey *rsa.PublicKey

	key, foreign *keys.Key
}

// Unsign makes an "alg":"none" token with an empty signature.
func (t *JWT) Unsign() {
	t.Header["alg"] = "none"
	t.Sign = func([]byte) []byte { return nil }
}

// Corrupt flips one bit of the signature.
func (t *JWT) Corrupt() {
	sign := t.Sign
	t.Sign = func(input []byte) []byte {
		signature := sign(input)
		signature[len(signature)/2] ^= 1
		return signature
	}
}

// SignHS256 signs with HMAC. With an encoding of PublicKey as the secret, this is the classic algorithm
// confusion attack.
func (t *JWT) SignHS256(secret []byte) {
	t.Header["alg"] = "HS256"
	t.Sign = func(input []byte) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write(input)
		return mac.Sum(nil)
	}
}

// SignRS256 signs with any key, such as an attacker's. Set kid, jwk, jku or x5u in Header to refer to
// it.
func (t *JWT) SignRS256(key *rsa.PrivateKey) {
	t.Header["alg"] = "RS256"
	t.Sign = func(input []byte) []byte { return keys.RS256(key, input) }
}

// SignRS512 signs with the correct key but with an algorithm that Entra does not use.
func (t *JWT) SignRS512() {
	t.Header["alg"] = "RS512"
	t.Sign = t.key.RS512
}

// SignES256 signs with an elliptic curve key (P-256).
func (t *JWT) SignES256(key *ecdsa.PrivateKey) {
	t.Header["alg"] = "ES256"
	t.Sign = func(input []byte) []byte {
		digest := sha256.Sum256(input)
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			panic("entratest: " + err.Error()) // a key without a curve
		}
		signature := make([]byte, 64)
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
		return signature
	}
}

// SignForeign signs with the published key of another issuer. It needs [Server.PublishForeignKey].
func (t *JWT) SignForeign() {
	if t.foreign == nil {
		panic("entratest: SignForeign needs PublishForeignKey")
	}
	t.Header["kid"] = t.foreign.ID
	t.Sign = t.foreign.RS256
}

func newJWT(d *issuer.Draft) JWT {
	return JWT{
		Header: d.Header, Claims: d.Claims, Sign: d.Key.RS256, PublicKey: d.Key.Public(), key: d.Key, foreign: d.Foreign,
	}
}

// encode returns the token as it is sent.
func (t *JWT) encode() string {
	if t.Raw != "" {
		return t.Raw
	}
	return keys.Encode(t.Header, t.Claims, t.Sign)
}
