package autherr

import "github.com/fibermsal/fibermsal/internal/flow"

// Intent is what a handler wants of the middleware that is no failure: to sign the user in or out on
// purpose. It travels as an error, because handlers return one.
type Intent struct {
	SignOut bool // rather than in
	AppOnly bool // the user stays signed in at Entra
	To      string
}

// Intending returns an error of the kind with an intent. To sign a user in, the requirements are those
// of the sign-in.
func (k *Kind) Intending(i Intent, r *flow.Requirements) *Error {
	e := k.New("", nil)
	e.intent, e.requires = &i, r
	return e
}

// IntentOf returns the intent of an error, or nil if it is a failure.
func IntentOf(e *Error) *Intent { return e.intent }
