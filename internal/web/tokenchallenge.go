package web

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
)

// tokenProblem is the body of an answer to a client that sends tokens. It repeats what the header
// WWW-Authenticate says, because pages of other origins see only headers that the app exposes.
type tokenProblem struct {
	problem

	Error  string `json:"error,omitempty"`
	Scope  string `json:"scope,omitempty"`
	Claims string `json:"claims,omitempty"`
	MaxAge int64  `json:"max_age,omitempty"`
}

// answerClient answers an error to a client that sends access tokens, as RFC 6750 says. It is never a
// redirect or a page, whatever the client accepts.
func (s *Site) answerClient(v *Visit, e *autherr.Error) *Response {
	if i := autherr.IntentOf(e); i != nil && i.SignOut {
		e = autherr.InvalidRequest.New("no_session", errors.New("SignOut: the caller has an access token, which no app can end"))
	}
	e = s.reported(v.context(), e)
	p := s.tokenProblem(e)
	if s.ErrorHandler != nil && p.Error == "" && e.Status != http.StatusUnauthorized {
		return s.answerByApp(e)
	}
	out := newResponse()
	out.protect()
	out.Header.Set("Vary", authorization)
	out.Status = e.Status
	out.retryAfter(e)
	if e.Status == http.StatusUnauthorized || p.Error != "" {
		out.Header.Set("WWW-Authenticate", s.challengeOf(p))
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // texts and numbers
	}
	out.Header.Set("Content-Type", "application/problem+json")
	out.Body = body
	return out
}

// tokenProblem says which error of RFC 6750 or RFC 9470 an error is, and how the client resolves it.
func (s *Site) tokenProblem(e *autherr.Error) *tokenProblem {
	p := &tokenProblem{problem: problem{Type: "about:blank", Title: e.Message, Status: e.Status, Code: e.Code, CorrelationID: e.CorrelationID}}
	required := flow.Requirements{}
	if r := autherr.Requirements(e); r != nil {
		required = *r
	}
	switch {
	case errors.Is(e, autherr.LoginRequired) && e.Reason == "" && autherr.IntentOf(e) == nil: // there was no token
	case errors.Is(e, autherr.ClaimsChallenge) && required.MaxAge > 0:
		p.Error, p.MaxAge = "insufficient_user_authentication", required.MaxAge
	case errors.Is(e, autherr.ClaimsChallenge):
		p.Error, p.Claims = "insufficient_claims", claimsFor(required)
	case errors.Is(e, autherr.InsufficientScope):
		p.Error, p.Scope = "insufficient_scope", strings.Join(required.Scopes, " ")
	case errors.Is(e, autherr.ConsentRequired): // to a service that the app calls for the user
		p.Error, p.Scope = "insufficient_scope", s.Audience+"/.default"
	case errors.Is(e, autherr.InvalidRequest):
		p.Error = "invalid_request"
	case errors.Is(e, autherr.InvalidToken), errors.Is(e, autherr.LoginRequired):
		p.Error = "invalid_token"
	}
	return p
}

// claimsFor returns the claims that the client must request.
func claimsFor(r flow.Requirements) string {
	if r.AuthContext == "" {
		return r.Claims
	}
	return `{"access_token":{"acrs":{"essential":true,"value":"` + r.AuthContext + `"}}}`
}

// descriptions removes what RFC 6750 section 3 does not allow in error_description, and what
// [Site.challengeOf] avoids.
var descriptions = strings.NewReplacer(`"`, "", `\`, "", ",", "", "=", "")

// challengeOf returns the header WWW-Authenticate. Its values have no commas and, before their end, no
// equal signs, because programs that call Microsoft's APIs split it there.
func (s *Site) challengeOf(p *tokenProblem) string {
	parts := []string{`realm="` + s.Origin + `"`}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+`="`+value+`"`)
		}
	}
	add("error", p.Error)
	if p.Error != "" {
		add("error_description", descriptions.Replace(p.Title))
	}
	add("scope", p.Scope)
	if p.MaxAge > 0 {
		add("max_age", strconv.FormatInt(p.MaxAge, 10))
	}
	if p.Claims != "" {
		add("claims", base64.StdEncoding.EncodeToString([]byte(p.Claims)))
	}
	if s.Resource != nil {
		add("resource_metadata", s.metadataURL())
	}
	return bearer + " " + strings.Join(parts, ", ")
}
