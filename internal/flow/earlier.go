package flow

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// This file reads the attempts of earlier versions, so that sign-ins that are under way during an
// upgrade can be completed. They kept an attempt in a cookie of its own, and its state was a random
// text that belonged to it.

const (
	earlierSeedSize  = 32
	earlierStateSize = 43 // 32 bytes in base64url
)

// IsEarlier reports whether a state is one of earlier versions.
func IsEarlier(state string) bool { return len(state) == earlierStateSize }

// OwnsEarlier reports whether a name is that of an earlier version's cookie.
func (j *Jar) OwnsEarlier(name string) bool {
	return len(name) == len(j.prefix)+suffixSize && strings.HasPrefix(name, j.prefix)
}

// EarlierName returns the name of the cookie for the attempt with this state.
func (j *Jar) EarlierName(state string) string {
	sum := sha256.Sum256([]byte(state))
	return j.prefix + encode(sum[:])[:suffixSize]
}

// OpenEarlier reads the attempt with this state from its cookie, and reports whether that is valid.
func (j *Jar) OpenEarlier(state string, c Cookie) (*Attempt, bool) {
	ciphertext, err := decode(c.Value)
	if err != nil {
		return nil, false
	}
	plaintext, err := j.ring.Open(ciphertext, j.pathContext(c.Name))
	if err != nil {
		return nil, false
	}
	a, err := decodeEarlier(plaintext)
	if err != nil || subtle.ConstantTimeCompare([]byte(a.state), []byte(state)) != 1 || j.EarlierName(state) != c.Name {
		return nil, false
	}
	return a, true
}

// decodeEarlier also derives the three values that belong to the attempt from its seed.
func decodeEarlier(plaintext []byte) (*Attempt, error) {
	const fixed = earlierSeedSize + 8
	if len(plaintext) < fixed {
		return nil, errors.New("flow: attempt too short")
	}
	var d struct {
		details

		Replaces string `json:"o"`
	}
	if err := json.Unmarshal(plaintext[fixed:], &d); err != nil {
		return nil, errors.New("flow: attempt unreadable")
	}
	seconds := binary.BigEndian.Uint64(plaintext[earlierSeedSize:fixed])
	out := expand(plaintext[:earlierSeedSize], "fibermsal flow", 3*valueSize)
	return &Attempt{
		startedAt: time.Unix(int64(seconds), 0), //nolint:gosec // as it was written
		to:        DestinationOf(d.ReturnTo).ForPage(d.Page), needs: d.Requirements, replaces: d.Replaces,
		id:    encode(out[:valueSize]), // as the storage knows it
		state: encode(out[:valueSize]), nonce: encode(out[valueSize : 2*valueSize]), verifier: encode(out[2*valueSize:]),
	}, nil
}
