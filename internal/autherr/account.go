package autherr

import "errors"

// WithAnotherAccount returns a copy that says that the user's account is the problem.
func WithAnotherAccount(e *Error) *Error {
	changed := *e
	changed.otherAccount = true
	return &changed
}

// NeedsAnotherAccount reports whether the account was refused. Single sign-on would choose the same
// one again, so a sign-in can only help if it lets the user select another.
func NeedsAnotherAccount(e *Error) bool {
	return e.otherAccount || errors.Is(e, TenantNotAllowed) || errors.Is(e, RefusedByApp)
}
