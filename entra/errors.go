package entra

import (
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
)

// Error is an error with a public part (a status, a code and a sentence) and a private cause for the
// log, from which credentials have been removed. Handlers return it unchanged, and the middleware
// answers it.
//
// Code is a stable value for programs, such as "login_required". Status is the HTTP status, and Message
// is one sentence. Reason is more specific than Code, for logs and tests. CorrelationID connects the
// response with its line in the log. RetryAfter is how long to wait before retrying, or 0. Err is the
// cause without credentials, or nil. errors.Is compares errors by Code, and errors.As finds a
// *fiber.Error with the Status and Message.
type Error = autherr.Error

// Errors to compare with errors.Is. Handlers may also return them.
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
	// ErrInvalidToken means that a client's access token was not accepted. ErrInvalidRequest means that
	// it was not sent in the way that RFC 6750 requires. ErrInsufficientScope means that a valid access
	// token lacks a scope.
	ErrInvalidToken      error = autherr.InvalidToken
	ErrInvalidRequest    error = autherr.InvalidRequest
	ErrInsufficientScope error = autherr.InsufficientScope
	// ErrNotSignedIn means that a user has no session whose tokens a job could use, or has signed out
	// in the meantime.
	ErrNotSignedIn error = autherr.NotSignedIn
)

// ClaimsChallenge returns the error for a handler to return after an API has answered 401 with a claims
// challenge. claims is the decoded challenge. The middleware starts a sign-in that satisfies it. Calls
// through package graph do this themselves. If the claims are not a JSON object, or are longer than 700
// bytes together with the scopes, no sign-in can satisfy them, and the request is answered with
// [ErrMisconfigured] rather than with a weaker sign-in.
func ClaimsChallenge(claims string) *Error { return claimsChallenge(claims, nil) }

func claimsChallenge(claims string, scopes []string) *Error {
	return autherr.ClaimsChallenge.Requiring("claims", nil, flow.Requirements{Claims: strings.Clone(claims), Scopes: slices.Clone(scopes)})
}
