package autherr

import (
	"log/slog"
	"net/http"

	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// Kind is a class of errors. errors.Is compares with it, and New makes errors of it. It is
// immutable. Handlers may return a Kind, which errors.As finds as an *Error.
type Kind struct {
	code    string
	status  int
	message string
}

// The kinds. The public packages document them where they export them.
var (
	LoginRequired   = &Kind{"login_required", http.StatusUnauthorized, "Please sign in."}
	ConsentRequired = &Kind{"consent_required", http.StatusForbidden, "This needs a permission that has not been granted."}
	ClaimsChallenge = &Kind{"claims_challenge", http.StatusUnauthorized, "Please sign in again to confirm that it is you."}
	Forbidden       = &Kind{"forbidden", http.StatusForbidden, "Your account may not do this."}
	Unavailable     = &Kind{"unavailable", http.StatusServiceUnavailable, "The service is busy. Please try again in a moment."}
	Rejected        = &Kind{"sign_in_rejected", http.StatusBadRequest, "This sign-in could not be completed. Please start again."}
	Misconfigured   = &Kind{"misconfigured", http.StatusInternalServerError, "Signing in is not set up correctly. Please tell the administrator."}
	InvalidToken    = &Kind{"invalid_token", http.StatusUnauthorized, "The access token is not valid."}
	NotSignedIn     = &Kind{"no_session", http.StatusNotFound, "This user is not signed in."}

	// InvalidRequest is a request whose access token is not sent as it must be, InsufficientScope a token
	// that lacks a scope (RFC 6750 section 3.1).
	InvalidRequest    = &Kind{"invalid_request", http.StatusBadRequest, "The request must have one access token in the header Authorization."}
	InsufficientScope = &Kind{"insufficient_scope", http.StatusForbidden, "The access token lacks a permission that this needs."}

	// SignOut is a handler that signs its user out. Users see its sentence only where no middleware
	// carries the sign-out out.
	SignOut = &Kind{"sign_out", http.StatusInternalServerError, "Signing out is not set up correctly. Please tell the administrator."}
	// SignInLoop is a page that required a sign-in again and again.
	SignInLoop = &Kind{"sign_in_loop", http.StatusForbidden, "Signing in again did not help. Please tell the administrator."}
	// TenantNotAllowed is a user of a tenant that may not sign in.
	TenantNotAllowed = &Kind{"tenant_not_allowed", http.StatusForbidden, "Accounts of your organization cannot sign in here."}
	// RefusedByApp is a sign-in that the app's OnSignIn refused.
	RefusedByApp = &Kind{"sign_in_refused", http.StatusForbidden, "This app does not accept the account."}
)

// NewKind makes a kind for a package outside of the core. No other kind may have its code.
func NewKind(code string, status int, message string) *Kind { return &Kind{code, status, message} }

// New returns an error of the kind. The cause is for the log; credentials are removed
// from its text, and of its chain, errors.Is finds only the end of a context.
func (k *Kind) New(reason string, cause error) *Error {
	return &Error{
		Code: k.code, Status: k.status, Message: k.message,
		Reason: reason, Err: redact.Wrap(cause, EndedContext(cause)),
	}
}

// Requiring returns an error of the kind that a sign-in fixes if it satisfies requirements.
func (k *Kind) Requiring(reason string, cause error, r flow.Requirements) *Error {
	return WithRequirements(k.New(reason, cause), r)
}

// Code returns the stable code.
func (k *Kind) Code() string { return k.code }

// Message returns the public sentence.
func (k *Kind) Message() string { return k.message }

// Error returns the public sentence and the code.
func (k *Kind) Error() string { return k.message + " (" + k.code + ")" }

// GoString returns what Error does.
func (k *Kind) GoString() string { return k.Error() }

// Is reports whether target has the same code.
func (k *Kind) Is(target error) bool { return codeOf(target) == k.code }

// As lets errors.As find an *Error of the kind, or the web framework's error.
func (k *Kind) As(target any) bool {
	if e, ok := target.(**Error); ok {
		*e = k.New("", nil)
		return true
	}
	return setFrameworkError(target, k.status, k.message)
}

// LogValue returns what an *Error of the kind logs.
func (k *Kind) LogValue() slog.Value { return k.New("", nil).LogValue() }

// codeOf returns the code of an *Error or a *Kind itself, not of a wrapped error.
func codeOf(err error) string {
	switch e := err.(type) { //nolint:errorlint // errors.Is walks the chain and calls this for each
	case *Error:
		return e.Code
	case *Kind:
		return e.code
	}
	return "\x00" // equal to no code
}
