package entratest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
)

// IDToken is an ID token about to be signed, in the hands of [Server.TamperIDToken].
// Change what you like; the token then is header.claims.signature whatever they say.
type IDToken struct {
	// Grant is the grant_type of the token call: "authorization_code" or "refresh_token".
	Grant string
	// User is the person the token is about.
	User User
	// Header and Claims are encoded as JSON. Any JSON type will do, json.RawMessage included.
	Header, Claims map[string]any
	// Sign makes the signature over the encoded header and claims. Default: RS256 with the active key.
	Sign func(input []byte) []byte
	// Raw, if not empty, is sent in place of the token.
	Raw string
	// Omit leaves id_token out of the answer.
	Omit bool
	// PublicKey is the active key's public half, as anybody can read it from the JWKS.
	PublicKey *rsa.PublicKey

	key, foreign *signingKey
}

// Unsign makes an "alg":"none" token with an empty signature.
func (t *IDToken) Unsign() {
	t.Header["alg"] = "none"
	t.Sign = func([]byte) []byte { return nil }
}

// Corrupt flips one bit of the signature.
func (t *IDToken) Corrupt() {
	sign := t.Sign
	t.Sign = func(input []byte) []byte {
		signature := sign(input)
		signature[len(signature)/2] ^= 1
		return signature
	}
}

// SignHS256 makes an HMAC token. With an encoding of PublicKey as secret it is the classic confusion of
// algorithms.
func (t *IDToken) SignHS256(secret []byte) {
	t.Header["alg"] = "HS256"
	t.Sign = func(input []byte) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write(input)
		return mac.Sum(nil)
	}
}

// SignRS256 signs with a key of the attacker's. Set kid, jwk, jku or x5u in Header to point at it.
func (t *IDToken) SignRS256(key *rsa.PrivateKey) {
	t.Header["alg"] = "RS256"
	t.Sign = (&signingKey{private: key}).signRS256
}

// SignRS512 signs with the right key but an algorithm that Entra does not use.
func (t *IDToken) SignRS512() {
	t.Header["alg"] = "RS512"
	t.Sign = func(input []byte) []byte {
		digest := sha512.Sum512(input)
		return signPKCS1(t.key.private, crypto.SHA512, digest[:])
	}
}

// SignES256 signs with an elliptic curve key (P-256).
func (t *IDToken) SignES256(key *ecdsa.PrivateKey) {
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
func (t *IDToken) SignForeign() {
	if t.foreign == nil {
		panic("entratest: SignForeign needs PublishForeignKey")
	}
	t.Header["kid"] = t.foreign.kid
	t.Sign = t.foreign.signRS256
}

func (t *IDToken) encode() string {
	if t.Raw != "" {
		return t.Raw
	}
	input := encodeSegment(t.Header) + "." + encodeSegment(t.Claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(t.Sign([]byte(input)))
}

// tampering is what a test has asked to be falsified. Guarded by Server.mu.
type tampering struct {
	idToken     func(*IDToken)
	response    func(grant string, body map[string]any)
	anyVerifier bool
}

// TamperIDToken lets f change every ID token of the token endpoint before it is sent; nil ends it.
// f runs in the request's goroutine, without locks, possibly several times at once.
func (s *Server) TamperIDToken(f func(t *IDToken)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tamper.idToken = f
}

// TamperTokenResponse lets f change the JSON of every successful token answer; nil ends it.
// grant is the grant_type. f runs as in TamperIDToken, and after it.
func (s *Server) TamperTokenResponse(f func(grant string, body map[string]any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tamper.response = f
}
