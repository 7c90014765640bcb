// Package flow is the state of a sign-in before the user is signed in.
//
// The browser keeps that state in one sealed cookie per attempt, so that an anonymous visitor
// needs no storage (threat G26) and parallel tabs do not affect each other (A5). An [Attempt] is
// the state itself, and a [Jar] writes it to cookies and reads it from them.
package flow

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Lifetime is how long a user may take to sign in.
const Lifetime = 10 * time.Minute

// maxReturnTo limits the size of the return path and the requirements in a cookie, because the
// cookies of browsers and Fiber's header buffer are limited.
const maxReturnTo = 1024

const seedSize = 32

// Attempt is one started sign-in. Its state, nonce and PKCE verifier are derived from one random
// seed, which keeps the cookie small and binds the three to each other. It is immutable.
type Attempt struct {
	seed      []byte
	startedAt time.Time
	to        Destination
	details   details

	state, nonce, verifier string // derived from the seed
}

// details are the contents of an attempt besides its seed.
type details struct {
	// ReturnTo is the path to return to. Page names the page that requires the sign-in if it
	// has another path.
	ReturnTo string `json:"r,omitempty"`
	Page     string `json:"p,omitempty"`
	// Replaces names the record of the session that this sign-in replaces. The callback of
	// form_post is a cross-site POST without Lax cookies, so it could not know otherwise.
	Replaces string `json:"o,omitempty"`
	// Requirements are those that the sign-in must satisfy.
	Requirements Requirements `json:"k,omitzero"`
}

// Begin starts an attempt that leads to a page and replaces a session's record, unless replaces
// is empty. If the path is too long, the attempt leads home. If the requirements are too large,
// Begin returns [ErrRequirementsTooLarge].
func Begin(random io.Reader, now time.Time, to Destination, replaces string, needs Requirements) (*Attempt, error) {
	seed := make([]byte, seedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("flow: no randomness: %w", err)
	}
	encoded, err := needs.encode()
	if err != nil {
		return nil, err
	}
	if len(to.Path())+len(encoded) > maxReturnTo {
		to = to.home()
	}
	a := &Attempt{seed: seed, startedAt: now, to: to, details: details{Replaces: replaces, Requirements: needs}}
	a.derive()
	return a, nil
}

// State returns the value that binds the authorization response to this attempt.
func (a *Attempt) State() string { return a.state }

// Nonce returns the value that binds the ID token to this attempt.
func (a *Attempt) Nonce() string { return a.nonce }

// Verifier returns the PKCE code_verifier (RFC 7636), which is for the token endpoint only.
func (a *Attempt) Verifier() string { return a.verifier }

// Challenge returns the S256 code_challenge of the verifier.
func (a *Attempt) Challenge() string {
	sum := sha256.Sum256([]byte(a.Verifier()))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// StartedAt returns when the attempt began, to the second.
func (a *Attempt) StartedAt() time.Time { return a.startedAt.Truncate(time.Second) }

// Destination returns where the sign-in leads.
func (a *Attempt) Destination() Destination { return a.to }

// Replaces returns the name of the replaced session's record, or "".
func (a *Attempt) Replaces() string { return a.details.Replaces }

// Requirements returns the requirements that the sign-in must satisfy.
func (a *Attempt) Requirements() Requirements { return a.details.Requirements }

// Replacing returns a copy of the attempt that replaces another session's record.
func (a *Attempt) Replacing(record string) *Attempt {
	b := *a
	b.details.Replaces = record
	return &b
}

// Expired reports whether the user took too long, or the clock was set back.
func (a *Attempt) Expired(now time.Time) bool {
	age := now.Sub(a.startedAt)
	return age > Lifetime || age < -time.Minute
}

// Matches reports in constant time whether state belongs to this attempt.
func (a *Attempt) Matches(state string) bool {
	return subtle.ConstantTimeCompare([]byte(state), []byte(a.State())) == 1
}

// valueSize makes texts of 43 characters, as PKCE requires of a verifier.
const valueSize = 32

// derive derives three values, none of which reveals another. The seed is uniformly random, so
// no extraction is needed (RFC 5869 section 3.3).
func (a *Attempt) derive() {
	out, err := hkdf.Expand(sha256.New, a.seed, "fibermsal flow", 3*valueSize)
	if err != nil {
		panic(err) // only for lengths over 8160 bytes
	}
	encode := base64.RawURLEncoding.EncodeToString
	a.state, a.nonce, a.verifier = encode(out[:valueSize]), encode(out[valueSize:2*valueSize]), encode(out[2*valueSize:])
}

func (a *Attempt) encode() ([]byte, error) {
	out := binary.BigEndian.AppendUint64(append([]byte{}, a.seed...), uint64(a.startedAt.Unix())) //nolint:gosec // decode reverses it
	d := a.details
	d.ReturnTo, d.Page = a.to.Path(), a.to.Page()
	encoded, err := json.Marshal(d)
	return append(out, encoded...), err
}

func decode(plaintext []byte) (*Attempt, error) {
	const fixed = seedSize + 8
	if len(plaintext) < fixed {
		return nil, errors.New("flow: attempt too short")
	}
	seconds := binary.BigEndian.Uint64(plaintext[seedSize:fixed])
	a := &Attempt{seed: plaintext[:seedSize], startedAt: time.Unix(int64(seconds), 0)} //nolint:gosec // as encode wrote it
	if err := json.Unmarshal(plaintext[fixed:], &a.details); err != nil {
		return nil, errors.New("flow: attempt unreadable")
	}
	a.to = DestinationOf(a.details.ReturnTo).ForPage(a.details.Page)
	a.derive()
	return a, nil
}
