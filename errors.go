package fibermsal

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/aadsts"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// Error is a failure with two faces: what a user may read and branch on, and a
// cause for the log that has been freed of credentials. Handlers return it as
// it is; the middleware answers it.
//
// errors.Is compares two of them by Code. errors.As finds a *fiber.Error of the
// same status and public text, so any Fiber ErrorHandler does the right thing.
type Error struct {
	// Code is stable and meant for programs, such as "login_required".
	Code string
	// Status is the HTTP status.
	Status int
	// Message is one public sentence.
	Message string
	// Reason narrows the Code down, for logs and tests.
	Reason string
	// CorrelationID joins what a user is shown with the line in the log. The
	// middleware sets it before it answers or calls Config.ErrorHandler.
	CorrelationID string
	// RetryAfter is how long to wait before trying again makes sense; 0 is not known.
	RetryAfter time.Duration
	// Err is the cause, whose text is fit for a log. It may be nil.
	Err error

	ask    *flow.Ask // what a sign-in that mends it must bring
	advice string    // for the administrator, in the log
}

// Errors to compare with by errors.Is.
var (
	// ErrLoginRequired says that nobody is signed in, or that the tokens of who
	// is cannot be renewed without them. The middleware starts a sign-in.
	ErrLoginRequired = &Error{Code: "login_required", Status: fiber.StatusUnauthorized, Message: "Please sign in."}
	// ErrConsentRequired says that a scope was asked for that has not been granted.
	// The middleware starts a sign-in that asks for it.
	ErrConsentRequired = &Error{Code: "consent_required", Status: fiber.StatusForbidden, Message: "This needs a permission that has not been granted."}
	// ErrClaimsChallenge says that an API or the app wants more certainty than this
	// sign-in gave: that the user was not revoked, is here now, or has stepped up to
	// an authentication context. The middleware starts a sign-in that brings it.
	ErrClaimsChallenge = &Error{Code: "claims_challenge", Status: fiber.StatusUnauthorized, Message: "Please sign in again to confirm that it is you."}
	// ErrForbidden says that the user is signed in and may not do this.
	ErrForbidden = &Error{Code: "forbidden", Status: fiber.StatusForbidden, Message: "Your account may not do this."}
	// ErrUnavailable says that the storage or Entra did not answer. Nobody is
	// signed out by it.
	ErrUnavailable = &Error{Code: "unavailable", Status: fiber.StatusServiceUnavailable, Message: "The service is busy. Please try again in a moment."}
	// ErrRejected says that an authorization response was not accepted.
	ErrRejected = &Error{Code: "sign_in_rejected", Status: fiber.StatusBadRequest, Message: "This sign-in could not be completed. Please start again."}
	// ErrMisconfigured says that the app or its registration is set up wrongly;
	// the log says how.
	ErrMisconfigured = &Error{Code: "misconfigured", Status: fiber.StatusInternalServerError, Message: "Signing in is not set up correctly. Please tell the administrator."}
)

const retrySoon = 5 * time.Second

// Error returns the public sentence and the code.
func (e *Error) Error() string { return e.Message + " (" + e.Code + ")" }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an [*Error] with the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// As gives errors.As a *fiber.Error with the same status and public text.
func (e *Error) As(target any) bool {
	f, ok := target.(**fiber.Error)
	if ok {
		*f = fiber.NewError(e.Status, e.Message)
	}
	return ok
}

// GoString is what %#v prints: no more than Error.
func (e *Error) GoString() string { return e.Error() }

// LogValue is what slog writes: the codes and the scrubbed cause.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("code", e.Code), slog.Int("status", e.Status)}
	if e.Reason != "" {
		attrs = append(attrs, slog.String("reason", e.Reason))
	}
	if e.CorrelationID != "" {
		attrs = append(attrs, slog.String("correlation_id", e.CorrelationID))
	}
	if e.advice != "" {
		attrs = append(attrs, slog.String("advice", e.advice))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("cause", redact.Text(e.Err.Error())))
	}
	return slog.GroupValue(attrs...)
}

// because returns a copy of a general error with its particular reason.
func (e *Error) because(reason string, cause error) *Error {
	particular := *e
	particular.Reason, particular.Err = reason, redact.Wrap(cause, ended(cause))
	return &particular
}

// advised returns a copy with what an administrator does about Entra's numbers.
func (e *Error) advised(numbers ...int) *Error {
	particular := *e
	particular.advice = aadsts.Advice(numbers...)
	return &particular
}

// ended is what of a cause callers may compare with: whether a context ended.
func ended(cause error) error {
	for _, e := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(cause, e) {
			return e
		}
	}
	return nil
}

// Reasons that say who knows when trying again makes sense: a breaker.
const (
	reasonStorage     = "storage_failed"
	reasonEntraPaused = "entra_paused"
)

const (
	// reasonKeys is an id_token that cannot be verified.
	reasonKeys = "keys_unavailable"
)

func storageUnavailable(cause error) *Error {
	e := ErrUnavailable.because(reasonStorage, cause)
	e.RetryAfter = retrySoon
	return e
}

func entraUnavailable(reason string, cause error) *Error {
	e := ErrUnavailable.because(reason, cause)
	e.RetryAfter = retrySoon
	return e
}

// notMounted is for handlers that ran without the middleware in front.
func notMounted(what string) *Error {
	return ErrMisconfigured.because("not_mounted", errors.New(what+" ran without fibermsal.New in front: app.Use(fibermsal.New(…)) must come before the route"))
}
