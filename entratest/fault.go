package entratest

import (
	"io"
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/faults"
)

// Fault is one way for an endpoint to fail. Its zero fields change nothing, so a Fault with only Delay is
// a slow but correct answer, and one with only Header adds headers to it.
type Fault struct {
	// Times is the number of requests that fail; 0 means until ClearFaults.
	Times int
	// Delay passes before anything else happens, but ends with the request's context.
	Delay time.Duration
	// Drop closes the connection without an answer, or the stream where the client speaks HTTP/2. The
	// request is not handled.
	Drop bool
	// LoseAnswer handles the request, so that codes are spent and tokens issued, and then drops it.
	LoseAnswer bool

	// Status answers with this status instead of handling the request. With Body or BodyFrom, 0 means 200.
	Status int
	// Body is the answer's body. Its type is guessed from its first character unless Header has it.
	Body string
	// BodyFrom makes a body that is too big or too slow for a string, one for each answer.
	BodyFrom func() io.Reader
	// OAuth answers with an error in Entra's JSON. Status 0 then means 400.
	OAuth *OAuthError

	// Header is set on the answer, genuine or not; an empty list removes a header. "Connection: close" ends the
	// connection behind the answer: by GOAWAY where the client speaks HTTP/2.
	Header http.Header
	// Truncate cuts the body off after that many bytes and breaks the connection; 0 means never.
	Truncate int
}

// OAuthError is an error as the token endpoint sends it, for [Fault].
type OAuthError struct {
	Error       string // such as "invalid_grant"
	Suberror    string // such as "basic_action"
	Codes       []int  // AADSTS numbers; the first leads the description
	Description string // default: a sentence
	Claims      string // JSON for the claims parameter of the next sign-in
}

// faultInjection makes endpoints fail.
type faultInjection struct{ queue *faults.Queue }

// Fault makes the endpoint's next requests fail. Faults of one endpoint queue up: each is for as many requests
// as its Times, then the next one is in effect. One without end keeps those behind it waiting for ClearFaults.
func (s *faultInjection) Fault(e Endpoint, f Fault) { s.queue.Add(string(e), f.internal()) }

// ClearFaults ends all faults.
func (s *faultInjection) ClearFaults() { s.queue.Clear() }

func (f Fault) internal() faults.Fault {
	out := faults.Fault{
		Times: f.Times, Delay: f.Delay, Drop: f.Drop, LoseAnswer: f.LoseAnswer,
		Status: f.Status, Body: f.Body, BodyFrom: f.BodyFrom, Header: f.Header, Truncate: f.Truncate,
	}
	if f.OAuth != nil {
		out.Error = f.OAuth.internal(f.Status)
	}
	return out
}

func (o *OAuthError) internal(status int) *aadsts.Error {
	e := &aadsts.Error{OAuth: o.Error, Suberror: o.Suberror, Claims: o.Claims, Text: o.Description, Status: status}
	if len(o.Codes) > 0 {
		e.Code, e.Codes = o.Codes[0], o.Codes
	}
	if e.Text == "" {
		e.Text = "The emulator was asked for this error."
	}
	if e.Status == 0 {
		e.Status = http.StatusBadRequest
	}
	return e
}
