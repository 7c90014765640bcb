package record

import (
	"crypto/sha256"
	"encoding/base64"
)

// IDSize is the entropy of a session ID in bytes (threat D6).
const IDSize = 32

// ids is the encoding of IDs in cookies. It is strict, so that each ID has one spelling.
var ids = base64.RawURLEncoding.Strict()

// Name returns the name of a session's records, which is a hash of its ID. The ID itself is the
// cookie's value, and is neither stored nor used as a storage key (threat D3). Every request
// with a cookie calls Name, so everything but the result stays on the stack.
func Name(id string) (name string, ok bool) {
	var raw [IDSize]byte
	if len(id) != ids.EncodedLen(IDSize) {
		return "", false
	}
	if n, err := ids.Decode(raw[:], []byte(id)); err != nil || n != IDSize {
		return "", false
	}
	sum := sha256.Sum256(raw[:])
	var text [(sha256.Size*8 + 5) / 6]byte
	ids.Encode(text[:], sum[:])
	return string(text[:]), true
}
