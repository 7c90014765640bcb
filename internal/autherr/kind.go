package autherr

import (
	"log/slog"
	"net/http"

	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/phrases"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// Kind is a class of errors, for errors.Is. New returns errors of the kind. It is immutable. Handlers
// may also return a Kind itself, in which errors.As finds an *Error.
type Kind struct {
	code    string
	status  int
	message phrases.Key
}

// The kinds. The public packages that export them also document them.
var (
	LoginRequired   = &Kind{"login_required", http.StatusUnauthorized, phrases.PleaseSignIn}
	ConsentRequired = &Kind{"consent_required", http.StatusForbidden, phrases.PermissionNeeded}
	ClaimsChallenge = &Kind{"claims_challenge", http.StatusUnauthorized, phrases.ConfirmIdentity}
	Forbidden       = &Kind{"forbidden", http.StatusForbidden, phrases.AccountMayNot}
	Unavailable     = &Kind{"unavailable", http.StatusServiceUnavailable, phrases.Busy}
	Rejected        = &Kind{"sign_in_rejected", http.StatusBadRequest, phrases.SignInNotCompleted}
	Misconfigured   = &Kind{"misconfigured", http.StatusInternalServerError, phrases.SignInMisconfigured}
	InvalidToken    = &Kind{"invalid_token", http.StatusUnauthorized, phrases.TokenInvalid}
	NotSignedIn     = &Kind{"no_session", http.StatusNotFound, phrases.NotSignedIn}

	// InvalidRequest means that the access token was not sent in the required way. InsufficientScope
	// means that the token lacks a scope (RFC 6750 section 3.1).
	InvalidRequest    = &Kind{"invalid_request", http.StatusBadRequest, phrases.OneTokenExpected}
	InsufficientScope = &Kind{"insufficient_scope", http.StatusForbidden, phrases.TokenLacksPermission}

	// SignOut means that a handler signs its user out. Users see its sentence only if there is no
	// middleware that signs them out.
	SignOut = &Kind{"sign_out", http.StatusInternalServerError, phrases.SignOutMisconfigured}
	// SignInLoop means that a page has required a sign-in again and again.
	SignInLoop = &Kind{"sign_in_loop", http.StatusForbidden, phrases.SigningInDidNotHelp}
	// TenantNotAllowed means that users of the user's tenant may not sign in.
	TenantNotAllowed = &Kind{"tenant_not_allowed", http.StatusForbidden, phrases.OrganizationNotAllowed}
	// RefusedByApp means that the app's OnSignIn has refused a sign-in.
	RefusedByApp = &Kind{"sign_in_refused", http.StatusForbidden, phrases.AppRefusesAccount}
)

// NewKind returns a kind for a package outside of the core. Its code must be unique.
func NewKind(code string, status int, message phrases.Key) *Kind { return &Kind{code, status, message} }

// New returns an error of the kind. The cause is for the log. Credentials are removed from its text,
// and errors.Is finds nothing in its chain except context errors.
func (k *Kind) New(reason string, cause error) *Error {
	return &Error{
		Code: k.code, Status: k.status, Message: k.Message(),
		Reason: reason, Err: redact.Wrap(cause, EndedContext(cause)),
		message: k.message,
	}
}

// Requiring returns an error of the kind that a sign-in with the given requirements fixes.
func (k *Kind) Requiring(reason string, cause error, r flow.Requirements) *Error {
	return WithRequirements(k.New(reason, cause), r)
}

// Code returns the stable code.
func (k *Kind) Code() string { return k.code }

// Message returns the public sentence in English.
func (k *Kind) Message() string { return k.message.English() }

// MessageKey returns the key of the public sentence in any language.
func (k *Kind) MessageKey() phrases.Key { return k.message }

// Error returns the public sentence and the code.
func (k *Kind) Error() string { return k.Message() + " (" + k.code + ")" }

// GoString returns the same text as Error.
func (k *Kind) GoString() string { return k.Error() }

// Is reports whether target has the same code.
func (k *Kind) Is(target error) bool { return codeOf(target) == k.code }

// As lets errors.As find an *Error of the kind, or the web framework's error.
func (k *Kind) As(target any) bool {
	if e, ok := target.(**Error); ok {
		*e = k.New("", nil)
		return true
	}
	return setFrameworkError(target, k.status, k.Message())
}

// LogValue returns the log value of an *Error of the kind.
func (k *Kind) LogValue() slog.Value { return k.New("", nil).LogValue() }

// codeOf returns the code of an *Error or a *Kind. It does not unwrap errors.
func codeOf(err error) string {
	switch e := err.(type) { //nolint:errorlint // errors.Is walks the chain and calls this for each
	case *Error:
		return e.Code
	case *Kind:
		return e.code
	}
	return "\x00" // equal to no code
}
