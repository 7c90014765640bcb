package autherr

import "github.com/fibermsal/fibermsal/internal/flow"

// Intent is a request of a handler to the middleware to sign the user in or out. It is passed in an
// error, because handlers can only return errors.
type Intent struct {
	SignOut bool // sign out rather than in
	AppOnly bool // the user stays signed in at Entra
	To      string
}

// Intending returns an error of the kind with an intent. r contains the requirements for a sign-in.
func (k *Kind) Intending(i Intent, r *flow.Requirements) *Error {
	e := k.New("", nil)
	e.intent, e.requires = &i, r
	return e
}

// IntentOf returns the intent of an error, or nil if it is a failure.
func IntentOf(e *Error) *Intent { return e.intent }
