package web

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/fibermsal/fibermsal/internal/api"
	"github.com/fibermsal/fibermsal/internal/autherr"
)

// problem is the body of RFC 9457 with additional members.
type problem struct {
	Type          string `json:"type"`
	Title         string `json:"title"`
	Status        int    `json:"status"`
	Code          string `json:"code"`
	CorrelationID string `json:"correlation_id"`
	LoginURL      string `json:"login_url,omitempty"`
}

// problem answers an error with a page if the request accepts HTML, and with JSON otherwise.
func (s *Site) problem(v *Visit, in *Request, e *autherr.Error) *Response {
	out := newResponse()
	out.protect()
	out.Status = e.Status
	out.describe(e)
	if v.token != nil && e.Status == http.StatusUnauthorized { // the route accepts both tokens and sessions
		out.Header.Set("WWW-Authenticate", s.Challenger.Challenge(api.Problem{})+", "+challenge)
	}
	login := s.signInURLFor(v, in, e)
	if in.acceptsHTML() {
		out.page = s.errorPage(v, in, e, login)
		return out
	}
	p := problemOf(e)
	if autherr.NeedsSignIn(e) {
		p.LoginURL = login
	}
	out.json(p)
	return out
}

// tokenProblem is the body of an error response to a client that sends access tokens.
type tokenProblem struct {
	problem
	api.Problem
}

// problemOf returns the members of every body.
func problemOf(e *autherr.Error) problem {
	return problem{Type: "about:blank", Title: e.Message, Status: e.Status, Code: e.Code, CorrelationID: e.CorrelationID}
}

// tokenProblem answers an error to a client that sends access tokens, as RFC 6750 specifies. It is
// never a redirect or a page, whatever the client accepts.
func (v *Visit) tokenProblem(e *autherr.Error, p api.Problem) *Response {
	out := newResponse()
	out.protect()
	out.Header.Set("Vary", api.Authorization)
	out.Status = e.Status
	out.retryAfter(e)
	if e.Status == http.StatusUnauthorized || p.Error != "" {
		out.Header.Set("WWW-Authenticate", v.Site.Challenger.Challenge(p))
	}
	out.json(tokenProblem{problemOf(e), p})
	return out
}

// json sets the body.
func (r *Response) json(p any) {
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // texts and numbers
	}
	r.Header.Set("Content-Type", "application/problem+json")
	r.Body = body
}

// challenge is the WWW-Authenticate header, which a 401 must have (RFC 9110 section 11.6.1). The routes
// require a cookie, for which no scheme is registered. Known schemes are not suitable, because browsers
// ask for a password for Basic, and Bearer would invite clients to send tokens.
const challenge = `Cookie realm="fibermsal"`

// describe sets the headers that the status of an error requires.
func (r *Response) describe(e *autherr.Error) {
	r.retryAfter(e)
	if e.Status == http.StatusUnauthorized {
		r.Header.Set("WWW-Authenticate", challenge)
	}
}

func (r *Response) retryAfter(e *autherr.Error) {
	if e.RetryAfter > 0 { // in whole seconds
		r.Header.Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
}
