package record

import (
	"crypto/sha256"
	"encoding/base64"
)

// TokenSize is the entropy of a session token in bytes (threat D6).
const TokenSize = 32

// encoding is the encoding of tokens and IDs. It is strict, so that each of them has exactly one spelling.
var encoding = base64.RawURLEncoding.Strict()

// SessionID returns the ID of the session for the token in a cookie, or false if the token is
// malformed. The ID is a hash of the token and the name of the session's records. The token itself is
// neither stored nor used as a storage key (threat D3). Every request with a cookie calls SessionID, so
// only the result is allocated on the heap.
func SessionID(token string) (id string, ok bool) {
	var raw [TokenSize]byte
	if len(token) != encoding.EncodedLen(TokenSize) {
		return "", false
	}
	if n, err := encoding.Decode(raw[:], []byte(token)); err != nil || n != TokenSize {
		return "", false
	}
	sum := sha256.Sum256(raw[:])
	var text [(sha256.Size*8 + 5) / 6]byte
	encoding.Encode(text[:], sum[:])
	return string(text[:]), true
}
