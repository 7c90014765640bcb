// Package flow is the state of a sign-in before anybody is signed in.
//
// That state lives in the browser, in one sealed cookie per attempt, so that
// an anonymous visitor costs no storage (threat G26) and parallel tabs do
// not disturb each other (A5). An [Attempt] is the state itself, a [Jar] puts
// it into cookies and takes it out again.
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

// maxReturnTo bounds the return path in a cookie, together with what is asked for;
// browsers and Fiber's header buffer do not stretch.
const maxReturnTo = 1024

const seedSize = 32

// Attempt is one started sign-in. State, nonce and PKCE verifier are derived
// from one random seed, which keeps the cookie small and the three bound to
// each other. It is immutable.
type Attempt struct {
	seed      []byte
	startedAt time.Time
	to        Destination
	details   details

	state, nonce, verifier string // of the seed
}

// details is what an attempt carries beside its seed.
type details struct {
	// ReturnTo is the path to go to afterwards, and Page who asked, if that is another.
	ReturnTo string `json:"r,omitempty"`
	Page     string `json:"p,omitempty"`
	// Replaces is the record of the session this sign-in will replace. The
	// callback of form_post is a cross-site POST, which brings no Lax cookie,
	// so it could not know otherwise.
	Replaces string `json:"o,omitempty"`
	// Requirements are what the sign-in must satisfy.
	Requirements Requirements `json:"k,omitzero"`
}

// Begin starts an attempt that leads to a page and replaces a session's record, if not
// empty. A long path is dropped; what is asked for is not, but [ErrRequirementsTooLarge].
func Begin(random io.Reader, now time.Time, to Destination, replaces string, needs Requirements) (*Attempt, error) {
	seed := make([]byte, seedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("flow: no randomness: %w", err)
	}
	asked, err := needs.encode()
	if err != nil {
		return nil, err
	}
	if len(to.Path())+len(asked) > maxReturnTo {
		to = to.home()
	}
	a := &Attempt{seed: seed, startedAt: now, to: to, details: details{Replaces: replaces, Requirements: needs}}
	a.derive()
	return a, nil
}

// State is the value that ties the authorization response to this attempt.
func (a *Attempt) State() string { return a.state }

// Nonce is the value that ties the id_token to this attempt.
func (a *Attempt) Nonce() string { return a.nonce }

// Verifier is the PKCE code_verifier (RFC 7636): for the token endpoint only.
func (a *Attempt) Verifier() string { return a.verifier }

// Challenge is the S256 code_challenge of the verifier.
func (a *Attempt) Challenge() string {
	sum := sha256.Sum256([]byte(a.Verifier()))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Destination is where the sign-in leads.
func (a *Attempt) Destination() Destination { return a.to }

// Replaces names the record of the session that was there before, or "".
func (a *Attempt) Replaces() string { return a.details.Replaces }

// Requirements are what the sign-in must satisfy.
func (a *Attempt) Requirements() Requirements { return a.details.Requirements }

// Replacing returns the same attempt, which now replaces another session's record.
func (a *Attempt) Replacing(record string) *Attempt {
	b := *a
	b.details.Replaces = record
	return &b
}

// Expired reports whether the user took too long, or the clock jumped back.
func (a *Attempt) Expired(now time.Time) bool {
	age := now.Sub(a.startedAt)
	return age > Lifetime || age < -time.Minute
}

// Matches reports in constant time whether state belongs to this attempt.
func (a *Attempt) Matches(state string) bool {
	return subtle.ConstantTimeCompare([]byte(state), []byte(a.State())) == 1
}

// valueSize makes 43 characters, the shape of a PKCE verifier.
const valueSize = 32

// derive makes the three values of the seed, of which none tells another. It is random as
// it is, so nothing need be extracted (RFC 5869 section 3.3).
func (a *Attempt) derive() {
	out, err := hkdf.Expand(sha256.New, a.seed, "fibermsal flow", 3*valueSize)
	if err != nil {
		panic(err) // only for lengths over 8160 bytes
	}
	encode := base64.RawURLEncoding.EncodeToString
	a.state, a.nonce, a.verifier = encode(out[:valueSize]), encode(out[valueSize:2*valueSize]), encode(out[2*valueSize:])
}

func (a *Attempt) encode() ([]byte, error) {
	out := binary.BigEndian.AppendUint64(append([]byte{}, a.seed...), uint64(a.startedAt.Unix())) //nolint:gosec // and back below
	d := a.details
	d.ReturnTo, d.Page = a.to.Path(), a.to.Page()
	more, err := json.Marshal(d)
	return append(out, more...), err
}

func decode(plaintext []byte) (*Attempt, error) {
	const fixed = seedSize + 8
	if len(plaintext) < fixed {
		return nil, errors.New("flow: attempt too short")
	}
	seconds := binary.BigEndian.Uint64(plaintext[seedSize:fixed])
	a := &Attempt{seed: plaintext[:seedSize], startedAt: time.Unix(int64(seconds), 0)} //nolint:gosec // what encode wrote
	if err := json.Unmarshal(plaintext[fixed:], &a.details); err != nil {
		return nil, errors.New("flow: attempt unreadable")
	}
	a.to = DestinationOf(a.details.ReturnTo).For(a.details.Page)
	a.derive()
	return a, nil
}
