// Package sealed encrypts what fibermsal leaves in places other people can
// reach: browsers' cookies and shared storage.
//
// A box is AES-256-GCM under the first key of a [Ring] and opens under any key
// of it, so keys rotate without signing anybody out (threat E5). The
// additional data names the place a box belongs to; a box moved elsewhere does
// not open (E2), and nothing that is not a box is ever parsed (E4).
package sealed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// KeySize is the length of every key of a ring, in bytes.
const KeySize = 32

// Overhead is by how many bytes a box is longer than its content.
const Overhead = headerSize + 12 + 16

const (
	version    = 1
	keyIDSize  = 4
	headerSize = 1 + keyIDSize
)

var (
	// ErrUnknownKey says that the box names a key or a format this ring does not
	// know. That
	// is not corruption: another instance may be one deploy ahead, so the box
	// must be left where it is.
	ErrUnknownKey = errors.New("sealed: box of an unknown key")
	// ErrCorrupt says that this is no box, or one that was changed or moved.
	ErrCorrupt = errors.New("sealed: box does not open here")
)

// Ring is a list of keys: the first seals, all open. It is immutable and safe
// for concurrent use.
type Ring struct {
	keys []key
}

type key struct {
	id   [keyIDSize]byte
	aead cipher.AEAD
	mac  []byte
}

// NewRing makes a ring of one or more 32-byte keys, newest first, for one purpose.
// What seals is derived from the keys (NIST SP 800-108), so that boxes of one
// purpose neither open as those of another nor use up their nonces: whoever visits
// the login page has a cookie sealed.
func NewRing(secrets [][]byte, purpose string) (*Ring, error) {
	if len(secrets) == 0 {
		return nil, errors.New("sealed: a ring needs a key")
	}
	r := &Ring{keys: make([]key, len(secrets))}
	for i, secret := range secrets {
		k, err := newKey(secret, purpose)
		if err != nil {
			return nil, fmt.Errorf("sealed: key %d: %w", i, err)
		}
		r.keys[i] = k
	}
	return r, nil
}

func newKey(secret []byte, purpose string) (key, error) {
	if len(secret) != KeySize {
		return key{}, fmt.Errorf("has %d bytes instead of %d", len(secret), KeySize)
	}
	derived, err := hkdf.Key(sha256.New, secret, nil, "fibermsal seal v1 "+purpose, 32)
	if err != nil {
		return key{}, err
	}
	id, err := hkdf.Key(sha256.New, secret, nil, "fibermsal key id v1", keyIDSize)
	if err != nil {
		return key{}, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return key{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return key{}, err
	}
	mac, err := hkdf.Key(sha256.New, secret, nil, "fibermsal mac v1 "+purpose, 32)
	if err != nil {
		return key{}, err
	}
	return key{id: [keyIDSize]byte(id), aead: aead, mac: mac}, nil
}

// Seal encrypts plaintext for the place that context names.
func (r *Ring) Seal(plaintext, context []byte) []byte {
	k := r.keys[0]
	box := make([]byte, headerSize, Overhead+len(plaintext))
	box[0] = version
	copy(box[1:], k.id[:])
	return k.aead.Seal(box, nil, plaintext, withHeader(box[:headerSize], context))
}

// Sums are names for content that only holders of the keys can make: one under each
// key, the first key's first.
func (r *Ring) Sums(content []byte) [][]byte {
	sums := make([][]byte, len(r.keys))
	for i, k := range r.keys {
		h := hmac.New(sha256.New, k.mac)
		h.Write(content)
		sums[i] = h.Sum(nil)
	}
	return sums
}

// IDs are those of the keys, the first key's first: what boxes begin with, and all that
// is known of a key where boxes are.
func (r *Ring) IDs() []string {
	ids := make([]string, len(r.keys))
	for i, k := range r.keys {
		ids[i] = hex.EncodeToString(k.id[:])
	}
	return ids
}

// Open decrypts a box that was sealed for the same context. It returns
// [ErrUnknownKey] or [ErrCorrupt], and no other errors.
func (r *Ring) Open(box, context []byte) ([]byte, error) {
	if len(box) > 0 && box[0] > version {
		return nil, ErrUnknownKey // of an instance that is one release ahead
	}
	if len(box) < Overhead || box[0] != version {
		return nil, ErrCorrupt
	}
	header, body := box[:headerSize], box[headerSize:]
	additional := withHeader(header, context)
	err := ErrUnknownKey
	for _, k := range r.keys {
		if !bytes.Equal(header[1:], k.id[:]) {
			continue
		}
		// A 32-bit key id may be shared by two keys; only the tag decides.
		if plaintext, openErr := k.aead.Open(nil, nil, body, additional); openErr == nil {
			return plaintext, nil
		}
		err = ErrCorrupt
	}
	return nil, err
}

// withHeader authenticates the version and the key id along with the context.
func withHeader(header, context []byte) []byte {
	return append(append(make([]byte, 0, len(header)+len(context)), header...), context...)
}

// Context joins the names of a place so that no two different lists give the
// same bytes.
func Context(names ...string) []byte {
	var out []byte
	for _, name := range names {
		out = binary.AppendUvarint(out, uint64(len(name)))
		out = append(out, name...)
	}
	return out
}
