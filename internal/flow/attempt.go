// Package flow manages the state of a sign-in before the user is signed in.
//
// It needs no storage, so anonymous visitors cannot fill the storage (threat G26). An [Attempt] is
// sealed in the state parameter, which Entra returns. A [Browser] is a small cookie that binds all
// attempts to a browser, so that any number of parallel tabs needs the same space (A5, D15). A [Jar]
// seals and opens both.
package flow

import (
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// Lifetime is how long a user may take to sign in.
const Lifetime = 10 * time.Minute

// valueSize results in texts of 43 characters, the minimum length of a PKCE verifier.
const valueSize = 32

// Attempt is a sign-in in progress. Its nonce and its PKCE verifier are derived from a secret in the
// browser's cookie, so that the state alone cannot complete a sign-in. It is immutable.
type Attempt struct {
	owner     owner // of the secret
	startedAt time.Time
	restarts  int
	to        Destination
	needs     Requirements
	replaces  string // for attempts that earlier versions began

	id              string // derived from the owner
	nonce, verifier string // derived from the secret, or empty

	state  string
	cookie *Cookie
}

// ID identifies the attempt in the storage. It reveals nothing about the secret.
func (a *Attempt) ID() string { return a.id }

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

// Destination returns the destination of the sign-in.
func (a *Attempt) Destination() Destination { return a.to }

// Requirements returns the requirements that the sign-in must satisfy.
func (a *Attempt) Requirements() Requirements { return a.needs }

// Restarts returns how often the sign-in has been started again because its response was late, was
// repeated or arrived in another browser.
func (a *Attempt) Restarts() int { return a.restarts }

// Replaces returns the ID of the session that the sign-in replaces, if an earlier version began the
// sign-in. Otherwise the [Browser] contains the session.
func (a *Attempt) Replaces() string { return a.replaces }

// Cookie returns the cookie that belongs to this attempt alone, or nil if everything is in the state.
func (a *Attempt) Cookie() *Cookie { return a.cookie }

// IsForeign reports whether another browser began the attempt, or this one has lost its cookie.
// Such an attempt cannot be completed (threat A2).
func (a *Attempt) IsForeign() bool { return a.verifier == "" }

// Expired reports whether the user took too long, or the clock was set back.
func (a *Attempt) Expired(now time.Time) bool {
	return a.IsLate(now) || now.Sub(a.startedAt) < -time.Minute
}

// IsLate reports whether the user took too long.
func (a *Attempt) IsLate(now time.Time) bool { return now.Sub(a.startedAt) > Lifetime }

// derive derives the ID from the owner, and the nonce and verifier from the secret, unless it is nil.
// None of the values reveals another (RFC 5869). The extract step is not needed, because the secret is
// uniformly random.
func (a *Attempt) derive(secret []byte) {
	a.id = encode(expand(a.owner[:], "fibermsal attempt", valueSize))
	if secret == nil {
		return
	}
	out := expand(secret, "fibermsal flow", 2*valueSize)
	a.nonce, a.verifier = encode(out[:valueSize]), encode(out[valueSize:])
}
