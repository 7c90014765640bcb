// Package sealed encrypts the data that fibermsal stores where others can
// access it: in cookies and in shared storage.
//
// A [Ring] seals with AES-256-GCM and its first key, and opens ciphertexts of any of its keys, so keys
// can be rotated without ending sessions (threat E5). The additional data names the place that a
// ciphertext belongs to. A ciphertext that was moved to another place cannot be opened (E2), and data
// that cannot be opened is never parsed (E4).
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

	"github.com/fibermsal/fibermsal/internal/pack"
)

// KeySize is the length of every key of a ring, in bytes.
const KeySize = 32

// Overhead is the length of a ciphertext minus that of its plaintext, in bytes.
const Overhead = headerSize + 12 + 16

// The versions of the format, which are the first byte of a ciphertext. Releases before 0.1.0 support
// only plain, and treat packed as a ciphertext of an instance with a newer release.
const (
	plain  = 1
	packed = 2 // the plaintext is packed
)

const (
	keyIDSize  = 4
	headerSize = 1 + keyIDSize
)

var (
	// ErrUnknownKey means that the ciphertext names a key or a format that this ring does not have. The
	// ciphertext must not be removed, because it is not corrupt. Another instance may already run the
	// next deployment.
	ErrUnknownKey = errors.New("sealed: ciphertext of an unknown key")
	// ErrCorrupt means that the data is not a ciphertext, or that the ciphertext was
	// changed or moved.
	ErrCorrupt = errors.New("sealed: ciphertext does not open here")
)

// Ring is a list of keys. The first one seals, and all of them open. It is immutable and safe
// for concurrent use.
type Ring struct {
	keys []key
}

type key struct {
	id   [keyIDSize]byte
	aead cipher.AEAD
	mac  []byte
}

// NewRing returns a ring of one or more 32-byte keys, newest first, for one purpose. The encryption
// keys are derived from them and the purpose (NIST SP 800-108). A ciphertext of one purpose therefore
// cannot be opened as one of another. The nonces of the purposes are also separate, which matters
// because every visit to the login page seals a cookie.
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

// Seal encrypts plaintext for the place that context names, with the first key.
func (r *Ring) Seal(plaintext, context []byte) []byte {
	return r.seal(plain, plaintext, context)
}

// SealPacked is like Seal, but compresses the plaintext, which should consist of tokens.
//
// The length of the ciphertext then depends on repetitions in the plaintext. An attacker who sees the
// lengths of many ciphertexts, each with the same secret and a text that the attacker chose, could
// guess the secret (CRIME). However, clients do not see the length of a record. An attacker who sees
// the lengths in the storage would have to change the contents of the tokens that Entra issues to a
// user, once for each renewal. Besides, the secrets are random base64, which is decoded but not
// compressed.
func (r *Ring) SealPacked(plaintext, context []byte) []byte {
	if content, smaller := pack.Pack(plaintext); smaller {
		return r.seal(packed, content, context)
	}
	return r.Seal(plaintext, context)
}

func (r *Ring) seal(version byte, plaintext, context []byte) []byte {
	k := r.keys[0]
	header := make([]byte, headerSize, Overhead+len(plaintext))
	header[0] = version
	copy(header[1:], k.id[:])
	return k.aead.Seal(header, nil, plaintext, withHeader(header, context))
}

// Sums returns a MAC of content under each key, in the order of the keys. The MACs can be
// used as names that only holders of the keys can compute.
func (r *Ring) Sums(content []byte) [][]byte {
	sums := make([][]byte, len(r.keys))
	for i, k := range r.keys {
		h := hmac.New(sha256.New, k.mac)
		h.Write(content)
		sums[i] = h.Sum(nil)
	}
	return sums
}

// IDs returns the IDs of the keys, in their order. Each ciphertext contains the ID of its
// key, from which the key cannot be computed.
func (r *Ring) IDs() []string {
	ids := make([]string, len(r.keys))
	for i, k := range r.keys {
		ids[i] = hex.EncodeToString(k.id[:])
	}
	return ids
}

// KeyID returns the ID of the key that a ciphertext was sealed with, without opening it.
func KeyID(ciphertext []byte) (id string, ok bool) {
	if len(ciphertext) < Overhead || ciphertext[0] < plain || ciphertext[0] > packed {
		return "", false
	}
	return hex.EncodeToString(ciphertext[1:headerSize]), true
}

// Open decrypts a ciphertext that was sealed for the same context. Its only errors are [ErrUnknownKey]
// and [ErrCorrupt].
func (r *Ring) Open(ciphertext, context []byte) ([]byte, error) {
	if len(ciphertext) > 0 && ciphertext[0] > packed {
		return nil, ErrUnknownKey // from an instance with a newer release
	}
	if len(ciphertext) < Overhead || ciphertext[0] < plain {
		return nil, ErrCorrupt
	}
	plaintext, err := r.open(ciphertext, context)
	if err != nil || ciphertext[0] == plain {
		return plaintext, err
	}
	if plaintext, err = pack.Unpack(plaintext); err != nil {
		return nil, ErrCorrupt
	}
	return plaintext, nil
}

func (r *Ring) open(ciphertext, context []byte) ([]byte, error) {
	header, body := ciphertext[:headerSize], ciphertext[headerSize:]
	additional := withHeader(header, context)
	err := ErrUnknownKey
	for _, k := range r.keys {
		if !bytes.Equal(header[1:], k.id[:]) {
			continue
		}
		// Two keys may have the same 32-bit ID, so each of them is tried.
		if plaintext, openErr := k.aead.Open(nil, nil, body, additional); openErr == nil {
			return plaintext, nil
		}
		err = ErrCorrupt
	}
	return nil, err
}

// withHeader returns the additional data of a ciphertext: its version, the ID of its key, and
// the context.
func withHeader(header, context []byte) []byte {
	return append(append(make([]byte, 0, len(header)+len(context)), header...), context...)
}

// Context encodes the names of a place. Different lists of names have different
// encodings.
func Context(names ...string) []byte {
	size := 0
	for _, name := range names {
		size += len(name) + binary.MaxVarintLen16
	}
	out := make([]byte, 0, size)
	for _, name := range names {
		out = binary.AppendUvarint(out, uint64(len(name)))
		out = append(out, name...)
	}
	return out
}
