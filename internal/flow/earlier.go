package flow

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"
)

// This file reads the attempts of earlier versions, so that sign-ins that are in progress during an
// upgrade can be completed. Those versions kept each attempt in a separate cookie, and the state was a
// random text derived from it.

const (
	earlierSeedSize  = 32
	earlierStateSize = 43 // 32 bytes in base64url
)

func isEarlier(state string) bool { return len(state) == earlierStateSize }

// openEarlier returns the attempt with this state, if the request has its cookie.
func (j *Jar) openEarlier(state string, cookie func(name string) (value string, ok bool)) (*Attempt, bool) {
	sum := sha256.Sum256([]byte(state))
	name := j.prefix + encode(sum[:])[:suffixSize]
	value, ok := cookie(name)
	if !ok {
		return nil, false
	}
	plaintext, err := j.open(value, j.cookieContext(name))
	if err != nil {
		return nil, false
	}
	a, err := decodeEarlier(plaintext)
	if err != nil || subtle.ConstantTimeCompare([]byte(a.state), []byte(state)) != 1 {
		return nil, false
	}
	a.cookie = &Cookie{name, value}
	return a, true
}

// decodeEarlier decodes an attempt and derives its three values from the seed.
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
		id:    encode(out[:valueSize]), // as stored
		state: encode(out[:valueSize]), nonce: encode(out[valueSize : 2*valueSize]), verifier: encode(out[2*valueSize:]),
	}, nil
}
