package graph

import (
	"net/http"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/phrases"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// Errors to compare with by errors.Is, beside those of the package entra. The Status of a
// returned error is the one that Graph answered with, if it answered.
var (
	// ErrAccessDenied means that Graph does not permit this to the user, or to the app on the
	// user's behalf. Often a scope has not been requested.
	ErrAccessDenied error = errAccessDenied
	// ErrNotFound means that Graph has no such object.
	ErrNotFound error = errNotFound
	// ErrRefused means that Graph did not understand or accept the request.
	ErrRefused error = errRefused
	// ErrFailed means that Graph failed.
	ErrFailed error = errFailed
	// ErrBadAnswer means that the response cannot be used: it is not JSON, a redirect, not a
	// picture where one was requested, or too large.
	ErrBadAnswer error = errBadAnswer
	// ErrForeignURL means that the URL of a call was outside of Config.GraphURL. Nothing was
	// sent.
	ErrForeignURL error = errForeignURL
)

// The kinds behind the exported errors.
var (
	errAccessDenied = autherr.NewKind("graph_access_denied", http.StatusForbidden, phrases.GraphAccessDenied)
	errNotFound     = autherr.NewKind("graph_not_found", http.StatusNotFound, phrases.GraphNotFound)
	errRefused      = autherr.NewKind("graph_refused", http.StatusBadRequest, phrases.GraphRefused)
	errFailed       = autherr.NewKind("graph_failed", http.StatusBadGateway, phrases.GraphFailed)
	errBadAnswer    = autherr.NewKind("graph_bad_answer", http.StatusBadGateway, phrases.GraphBadAnswer)
	errForeignURL   = autherr.NewKind("graph_foreign_url", http.StatusInternalServerError, phrases.GraphForeignURL)
)

// newError returns an error of a kind. The text of the cause is redacted, and of its chain
// only reachable, which may be nil, can be found by errors.Is and errors.As.
func newError(kind *autherr.Kind, reason string, cause, reachable error) *entra.Error {
	e := kind.New(reason, nil)
	e.Err = redact.Wrap(cause, reachable)
	return e
}

// kindOf returns the kind of a response by its status.
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

// isBusy reports whether a status is that of a service that will recover by itself.
func isBusy(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}
