package entratest

import (
	"io"
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/faults"
)

// Fault describes how an endpoint fails. Zero fields change nothing, so a Fault with only Delay makes
// the correct response slow, and a Fault with only Header adds headers to it.
type Fault struct {
	// Times is the number of requests that fail; 0 means all requests until ClearFaults.
	Times int
	// Delay is how long to wait before anything else happens. It ends early if the request's context
	// ends.
	Delay time.Duration
	// Drop closes the connection, or the stream in HTTP/2, without a response. The request is not
	// handled.
	Drop bool
	// LoseAnswer handles the request, so that codes are redeemed and tokens issued, and then drops the
	// response.
	LoseAnswer bool

	// Status is the status of the response, which is sent instead of handling the request. With Body or
	// BodyFrom, 0 means 200.
	Status int
	// Body is the body of the response. Unless Header contains Content-Type, the type is guessed from
	// the first character.
	Body string
	// BodyFrom returns the body of one response, for bodies that are too large for a string or must be
	// slow.
	BodyFrom func() io.Reader
	// OAuth is an error that is sent in Entra's JSON format. Status 0 then means 400.
	OAuth *OAuthError

	// Header is set on the response, whether the response is genuine or not; an empty list removes a
	// header. "Connection: close" ends the connection after the response (in HTTP/2, with GOAWAY).
	Header http.Header
	// Truncate cuts the body off after this many bytes and breaks the connection; 0 means never.
	Truncate int
}

// OAuthError is an error of the token endpoint, for [Fault].
type OAuthError struct {
	Error       string // such as "invalid_grant"
	Suberror    string // such as "basic_action"
	Codes       []int  // AADSTS numbers; the description begins with the first
	Description string // default: a sentence
	Claims      string // JSON for the claims parameter of the next sign-in
}

// faultInjection makes endpoints fail.
type faultInjection struct{ queue *faults.Queue }

// Fault makes the endpoint's next requests fail. The faults of an endpoint form a queue: each applies
// to as many requests as its Times, and then the next one applies. A fault with Times 0 blocks those
// behind it until ClearFaults.
func (s *faultInjection) Fault(e Endpoint, f Fault) { s.queue.Add(string(e), f.internal()) }

// ClearFaults removes all faults.
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
