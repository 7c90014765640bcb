// Package aadsts contains the numbered errors of Entra ID and the format of the sign-in service's
// responses.
package aadsts

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Error is one of Entra's numbered errors. An app receives it as JSON from the token endpoint or as
// parameters of the authorization response; errors with Page set are only ever shown to the user.
type Error struct {
	Code     int
	Codes    []int  // error_codes if it is more than Code
	OAuth    string // RFC 6749's error
	Text     string
	Suberror string
	Claims   string
	Status   int
	Page     bool
	Subcode  string // authorize only: "cancel"
}

// New returns the error with that AADSTS number, its text filled in.
func New(code int, args ...any) *Error {
	e, ok := catalogue[code]
	if !ok {
		panic("entratest: AADSTS" + strconv.Itoa(code) + " is not in the catalogue")
	}
	e.Code = code
	e.Text = fmt.Sprintf(e.Text, args...)
	if e.Status == 0 {
		e.Status = http.StatusBadRequest
	}
	return &e
}

// Cancelled is the error of a user who pressed Cancel, which has no number.
func Cancelled() *Error { return &Error{OAuth: "access_denied", Subcode: "cancel"} }

// As changes the OAuth error, because the two endpoints return different ones for some numbers.
func (e *Error) As(oauth string) *Error {
	e.OAuth = oauth
	return e
}

// OnPage makes the error one that is shown on a page and not sent to the app.
func (e *Error) OnPage() *Error {
	e.Page = true
	return e
}

// Describe returns the error_description: text, trace and correlation id, time. entra: newer servers separate
// them with spaces, older ones with CRLF.
func (e *Error) Describe(t Trace) string {
	number := ""
	if e.Code != 0 {
		number = fmt.Sprintf("AADSTS%d: ", e.Code)
	}
	return fmt.Sprintf("%s%s Trace ID: %s Correlation ID: %s Timestamp: %s",
		number, e.Text, t.id, t.correlation, t.at.Format(timestampLayout))
}

// Params returns the error as parameters of an authorization response. login is the sign-in service's origin.
func (e *Error) Params(r *http.Request, login string) url.Values {
	v := url.Values{"error": {e.OAuth}}
	if e.Subcode != "" { // entra: pressing Cancel gives no description
		v.Set("error_subcode", e.Subcode)
		return v
	}
	v.Set("error_description", e.Describe(NewTrace(r)))
	v.Set("error_uri", e.uri(login))
	return v
}

// body is the JSON of a failed token request.
type body struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string `json:"timestamp"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
	URI           string `json:"error_uri,omitempty"`
	Suberror      string `json:"suberror,omitempty"`
	Claims        string `json:"claims,omitempty"`
}

// Write responds to a token or discovery request with the error. login is the sign-in service's origin.
func (e *Error) Write(w http.ResponseWriter, r *http.Request, login string) {
	t := NewTrace(r)
	Headers(w.Header(), t)
	WriteJSON(w, e.Status, body{
		Error:         e.OAuth,
		Description:   e.Describe(t),
		Codes:         e.allCodes(),
		Timestamp:     t.at.Format(timestampLayout),
		TraceID:       t.id,
		CorrelationID: t.correlation,
		URI:           e.uri(login),
		Suberror:      e.Suberror,
		Claims:        e.Claims,
	})
}

func (e *Error) allCodes() []int {
	switch {
	case e.Codes != nil:
		return e.Codes
	case e.Code == 0: // an error that is defined by a fault
		return []int{}
	default:
		return []int{e.Code}
	}
}

func (e *Error) uri(login string) string {
	if e.Code == 0 {
		return ""
	}
	return login + "/error?code=" + strconv.Itoa(e.Code)
}
