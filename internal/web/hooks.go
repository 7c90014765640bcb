package web

import "github.com/fibermsal/fibermsal/internal/flow"

// Hooks are functions of Config that take the context of a request.
type Hooks struct {
	// Info returns the app's fields of /info. It is called if a user is signed in.
	Info func() map[string]any
	// BeforeSignIn may change a sign-in that is about to start, or refuse it.
	BeforeSignIn func(*flow.Start) error
}
