package entra

import (
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
)

// Error is a failure with two sides: a status, a code and a sentence that are public, and a
// cause for the log from which credentials have been removed. Handlers return it unchanged,
// and the middleware answers it.
//
// Code is stable and for programs, such as "login_required"; Status is the HTTP status, and Message one
// sentence. Reason is more specific, for logs and tests. CorrelationID connects the answer with its line
// in the log. RetryAfter is how long to wait, or 0. Err is the cause, without credentials, or nil.
// errors.Is compares errors by Code, and errors.As finds a *fiber.Error with the Status and Message.
type Error = autherr.Error

// Errors to compare with by errors.Is. Handlers may return them, too.
var (
	// ErrLoginRequired means that no user is signed in, or that the user's tokens cannot be
	// renewed without the user. The middleware starts a sign-in.
	ErrLoginRequired error = autherr.LoginRequired
	// ErrConsentRequired means that a requested scope has not been granted. The middleware
	// starts a sign-in that requests it.
	ErrConsentRequired error = autherr.ConsentRequired
	// ErrClaimsChallenge means that an API or the app requires more than this sign-in proved:
	// that the user was not revoked, is present now, or has satisfied an authentication
	// context. The middleware starts a sign-in that proves it.
	ErrClaimsChallenge error = autherr.ClaimsChallenge
	// ErrForbidden means that the user is signed in and may not do this.
	ErrForbidden error = autherr.Forbidden
	// ErrUnavailable means that the storage or Entra did not answer. Users stay signed in.
	ErrUnavailable error = autherr.Unavailable
	// ErrRejected means that an authorization response was not accepted.
	ErrRejected error = autherr.Rejected
	// ErrMisconfigured means that the app or its registration is not set up correctly. The log
	// says what to change.
	ErrMisconfigured error = autherr.Misconfigured
	// ErrInvalidToken means that a client's access token was not accepted, and ErrInvalidRequest that it
	// was not sent as it must be. ErrInsufficientScope means that a valid one lacks a scope.
	ErrInvalidToken      error = autherr.InvalidToken
	ErrInvalidRequest    error = autherr.InvalidRequest
	ErrInsufficientScope error = autherr.InsufficientScope
	// ErrNotSignedIn means that a user has no session whose tokens a job could use, or has
	// signed out meanwhile.
	ErrNotSignedIn error = autherr.NotSignedIn
)

// ClaimsChallenge returns the error for a handler whose API answered 401 with a claims
// challenge, decoded. The middleware then starts a sign-in that satisfies the claims. Calls
// through the package graph need no help with it. If the claims are not a JSON object, or are
// longer than 700 bytes together with the scopes, no sign-in can satisfy them: the answer is
// then [ErrMisconfigured], and not a weaker sign-in.
func ClaimsChallenge(claims string) *Error { return claimsChallenge(claims, nil) }

func claimsChallenge(claims string, scopes []string) *Error {
	return autherr.ClaimsChallenge.Requiring("claims", nil, flow.Requirements{Claims: strings.Clone(claims), Scopes: slices.Clone(scopes)})
}
