package autherr

import "errors"

// WithAnotherAccount returns a copy for which NeedsAnotherAccount returns true.
func WithAnotherAccount(e *Error) *Error {
	changed := *e
	changed.otherAccount = true
	return &changed
}

// NeedsAnotherAccount reports whether the account was refused. Single sign-on would select the same
// account again, so a sign-in can only help if it lets the user select another one.
func NeedsAnotherAccount(e *Error) bool {
	return e.otherAccount || errors.Is(e, TenantNotAllowed) || errors.Is(e, RefusedByApp)
}
