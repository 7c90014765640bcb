package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/outbound"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// Errors to compare with by errors.Is, beside those of fibermsal. Of what a call
// returns, Status is Graph's where Graph refused.
var (
	// ErrForbidden says that the user, or the app on their behalf, may not do
	// this: often a scope that was not asked for.
	ErrForbidden = &fibermsal.Error{Code: "graph_forbidden", Status: http.StatusForbidden, Message: "You are not permitted to do this."}
	// ErrNotFound says that Graph does not have it.
	ErrNotFound = &fibermsal.Error{Code: "graph_not_found", Status: http.StatusNotFound, Message: "This could not be found."}
	// ErrRefused says that Graph did not understand or accept the request.
	ErrRefused = &fibermsal.Error{Code: "graph_refused", Status: http.StatusBadRequest, Message: "The directory service did not accept the request."}
	// ErrFailed says that Graph could not do what it should.
	ErrFailed = &fibermsal.Error{Code: "graph_failed", Status: http.StatusBadGateway, Message: "The directory service could not do this."}
	// ErrBadAnswer says that what came was not an answer of Graph's: no JSON, a
	// redirect, no picture where one was asked for, or too much of it.
	ErrBadAnswer = &fibermsal.Error{Code: "graph_bad_answer", Status: http.StatusBadGateway, Message: "The directory service gave an answer that cannot be used."}
	// ErrForeignURL says that a call was to go somewhere else than to
	// Config.GraphURL. Nothing was sent.
	ErrForeignURL = &fibermsal.Error{Code: "graph_foreign_url", Status: http.StatusInternalServerError, Message: "This address is not one of the directory service's."}
)

const retrySoon = 5 * time.Second

// particular returns a copy of a general error with its reason and cause. Of the
// cause only the redacted text is kept, and what is reachable through kept.
func particular(general *fibermsal.Error, reason string, cause, kept error) *fibermsal.Error {
	e := *general
	e.Reason, e.Err = reason, redact.Wrap(cause, kept)
	return &e
}

func badAnswer(reason string, cause error) *fibermsal.Error {
	return particular(ErrBadAnswer, reason, cause, nil)
}

func foreign(reason string) *fibermsal.Error {
	return particular(ErrForeignURL, reason, nil, nil)
}

func unavailable(reason string, cause, kept error) *fibermsal.Error {
	e := particular(fibermsal.ErrUnavailable, reason, cause, kept)
	e.RetryAfter = retrySoon
	return e
}

// failure says what a failed call means, from what was noted of it. The error
// itself is asked last, and only when its text is known to be safe.
func (x *call) failure(ctx context.Context, err error) error {
	var ours *fibermsal.Error
	switch ended := ctx.Err(); {
	case errors.As(err, &ours):
		return ours
	case errors.Is(ended, context.Canceled):
		return unavailable("gave_up", ended, ended)
	case ended != nil || errors.Is(err, context.DeadlineExceeded):
		return unavailable("graph_timeout", context.DeadlineExceeded, context.DeadlineExceeded)
	case x.status >= http.StatusBadRequest:
		return x.refusal(err)
	case x.noToken:
		return unavailable("credential_failed", err, nil)
	case x.status == 0 || x.brokenOff:
		return unavailable("graph_unreachable", outbound.Cause(err), nil)
	}
	return badAnswer("unreadable", err)
}

// refusal is what Graph itself said.
func (x *call) refusal(err error) *fibermsal.Error {
	said := answerOf(err)
	reason := said.code
	if reason == "" {
		reason = fmt.Sprintf("status_%d", x.status)
	}
	e := particular(kind(x.status), reason, fmt.Errorf("graph: status %d, code %q, request-id %q: %s", x.status, said.code, said.requestID, said.message), said.kept())
	e.Status = x.status
	if busy(x.status) {
		e.RetryAfter = cmp.Or(x.retryAfter, retrySoon)
	}
	return e
}

// kind sorts refusals by their status.
func kind(status int) *fibermsal.Error {
	switch {
	case status == http.StatusUnauthorized:
		return fibermsal.ErrLoginRequired
	case status == http.StatusForbidden:
		return ErrForbidden
	case status == http.StatusNotFound:
		return ErrNotFound
	case busy(status):
		return fibermsal.ErrUnavailable
	case status >= http.StatusInternalServerError:
		return ErrFailed
	}
	return ErrRefused
}

// said is what is read of Graph's errors.
type said struct {
	code, message, requestID string
	odata                    *odataerrors.ODataError
}

func (s said) kept() error {
	if s.odata == nil {
		return nil // not a nil pointer in an interface
	}
	return s.odata
}

var graphCode = regexp.MustCompile(`^[A-Za-z0-9_.\-]{1,64}$`)

// answerOf reads the SDK's error without calling its Error method, which
// dereferences what Graph may have left out, and mends it for those who do.
func answerOf(err error) (s said) {
	if !errors.As(err, &s.odata) {
		return s
	}
	defer func() {
		if recover() != nil { // the getters of the SDK's models can panic
			s = said{}
		}
	}()
	mainError := s.odata.GetErrorEscaped()
	if mainError == nil {
		mainError = odataerrors.NewMainError()
		s.odata.SetErrorEscaped(mainError)
	}
	if mainError.GetMessage() == nil {
		none := ""
		mainError.SetMessage(&none)
	}
	s.message = *mainError.GetMessage()
	if code := deref(mainError.GetCode()); graphCode.MatchString(code) {
		s.code = strings.Clone(code)
	}
	if inner := mainError.GetInnerError(); inner != nil {
		s.requestID = deref(inner.GetRequestId())
	}
	return s
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
