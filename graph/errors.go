package graph

import (
	"net/http"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/phrases"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// Errors to compare with errors.Is, in addition to those of package entra. The Status of a returned
// error is that of Graph's response, if there was a response.
var (
	// ErrAccessDenied means that Graph does not allow the user, or the app on the user's behalf, to do
	// this. Often a scope is missing.
	ErrAccessDenied error = errAccessDenied
	// ErrNotFound means that Graph has no such object.
	ErrNotFound error = errNotFound
	// ErrRefused means that Graph did not understand or accept the request.
	ErrRefused error = errRefused
	// ErrFailed means that Graph failed with a 5xx status.
	ErrFailed error = errFailed
	// ErrBadAnswer means that the response cannot be used because it is not JSON, is a redirect, is not
	// a picture although one was requested, or is too large.
	ErrBadAnswer error = errBadAnswer
	// ErrForeignURL means that the URL of a call was outside of Config.GraphURL. Nothing was
	// sent.
	ErrForeignURL error = errForeignURL
)

// The kinds of the exported errors.
var (
	errAccessDenied = autherr.NewKind("graph_access_denied", http.StatusForbidden, phrases.GraphAccessDenied)
	errNotFound     = autherr.NewKind("graph_not_found", http.StatusNotFound, phrases.GraphNotFound)
	errRefused      = autherr.NewKind("graph_refused", http.StatusBadRequest, phrases.GraphRefused)
	errFailed       = autherr.NewKind("graph_failed", http.StatusBadGateway, phrases.GraphFailed)
	errBadAnswer    = autherr.NewKind("graph_bad_answer", http.StatusBadGateway, phrases.GraphBadAnswer)
	errForeignURL   = autherr.NewKind("graph_foreign_url", http.StatusInternalServerError, phrases.GraphForeignURL)
)

// newError returns an error of a kind. The text of the cause is redacted. errors.Is and errors.As find
// only reachable, which may be nil, and not the chain of the cause.
func newError(kind *autherr.Kind, reason string, cause, reachable error) *entra.Error {
	e := kind.New(reason, nil)
	e.Err = redact.Wrap(cause, reachable)
	return e
}

// kindOf returns the kind of error for a status.
func kindOf(status int) *autherr.Kind {
	switch {
	case status == http.StatusUnauthorized:
		return autherr.LoginRequired
	case status == http.StatusForbidden:
		return errAccessDenied
	case status == http.StatusNotFound:
		return errNotFound
	case isBusy(status):
		return autherr.Unavailable
	case status >= http.StatusInternalServerError:
		return errFailed
	}
	return errRefused
}

// isBusy reports whether a status means that the service will recover by itself.
func isBusy(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}
