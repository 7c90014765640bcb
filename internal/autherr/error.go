// Package autherr contains the error type of the library. The public packages export it under their own
// names, so the doc comments here are part of the public documentation.
package autherr

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/fibermsal/fibermsal/internal/aadsts"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/phrases"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// Error is an error with a public part (a status, a code and a sentence) and a private cause for the
// log, from which credentials have been removed. Handlers return it unchanged, and the middleware
// answers it.
//
// errors.Is compares errors by Code. errors.As finds a *fiber.Error with the same status and
// public sentence, so every Fiber ErrorHandler answers correctly.
type Error struct {
	// Code is a stable value for programs, such as "login_required".
	Code string
	// Status is the HTTP status.
	Status int
	// Message is one public sentence in English. The library's pages show it in the user's language.
	Message string
	// Reason is more specific than Code, for logs and tests.
	Reason string
	// CorrelationID connects the response that the user sees with its line in the log. The middleware
	// sets it before it responds or calls Config.ErrorHandler.
	CorrelationID string
	// RetryAfter is how long to wait before retrying; 0 means unknown.
	RetryAfter time.Duration
	// Err is the cause, whose text is safe to log. It may be nil.
	Err error

	requires     *flow.Requirements // for the sign-in that fixes the error
	intent       *Intent            // of a handler
	otherAccount bool               // the account is refused, see NeedsAnotherAccount
	message      phrases.Key        // the Message, for pages in other languages
	detail       phrases.Key        // the text that a page adds to the Message
	advice       string             // for the administrator, in the log
	aadsts       string             // Entra's number, for metrics
	attrs        []slog.Attr        // further attributes of the log line
}

// Error returns the public sentence and the code.
func (e *Error) Error() string { return e.Message + " (" + e.Code + ")" }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target has the same code.
func (e *Error) Is(target error) bool { return codeOf(target) == e.Code }

// As lets errors.As find the error type of the web framework, see [Error].
func (e *Error) As(target any) bool { return setFrameworkError(target, e.Status, e.Message) }

// GoString returns the same text as Error, so that %#v does not print the cause.
func (e *Error) GoString() string { return e.Error() }

// LogValue returns the codes and the cause without credentials.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("code", e.Code), slog.Int("status", e.Status)}
	for _, a := range []struct{ name, value string }{
		{"reason", e.Reason}, {"correlation_id", e.CorrelationID}, {"advice", e.advice},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.name, a.value))
		}
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("cause", redact.TextOf(e.Err)))
	}
	return slog.GroupValue(append(attrs, e.attrs...)...)
}

// Find returns the Error in err's chain, if there is one.
func Find(err error) (e *Error, ok bool) {
	ok = errors.As(err, &e)
	return e, ok
}

// ReasonOf returns the Reason of the Error in err's chain, or "".
func ReasonOf(err error) string {
	if e, ok := Find(err); ok {
		return e.Reason
	}
	return ""
}

// WithAdvice returns a copy whose log line contains the advice for Entra's error numbers, and whose
// metrics have the number as an attribute.
func WithAdvice(e *Error, numbers ...int) *Error {
	changed := *e
	changed.advice, changed.aadsts = aadsts.Advice(numbers...), aadsts.Attribute(numbers...)
	return &changed
}

// WithNumbers returns a copy whose metrics have Entra's error number as an attribute. Its log line has
// no advice, because anyone may have written the number.
func WithNumbers(e *Error, numbers ...int) *Error {
	changed := *e
	changed.aadsts = aadsts.Attribute(numbers...)
	return &changed
}

// WithAdviceOf returns a copy of e with the advice of another error.
func WithAdviceOf(e, other *Error) *Error {
	changed := *e
	changed.advice, changed.aadsts = other.advice, other.aadsts
	return &changed
}

// AADSTS returns Entra's error number in the form of [aadsts.Attribute], or "".
func AADSTS(e *Error) string { return e.aadsts }

// Advice returns the advice for the administrator, or "".
func Advice(e *Error) string { return e.advice }

// Requirements returns the requirements for the sign-in that fixes the error, or nil.
func Requirements(e *Error) *flow.Requirements { return e.requires }

// WithRequirements returns a copy with other requirements.
func WithRequirements(e *Error, r flow.Requirements) *Error {
	changed := *e
	changed.requires = &r
	return &changed
}

// NeedsSignIn reports whether signing in can fix the error. For other errors, a redirect to sign in
// would be repeated forever.
func NeedsSignIn(e *Error) bool { return e.requires != nil || e.Code == LoginRequired.code }

// EndedContext returns the context error in a cause's chain, or nil. Callers may compare errors with
// it.
func EndedContext(cause error) error {
	for _, e := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(cause, e) {
			return e
		}
	}
	return nil
}
