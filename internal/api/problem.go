package api

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
)

// Problem is an error of RFC 6750 or RFC 9470 and how the client can resolve it. Its fields are sent in
// the header WWW-Authenticate and repeated in the body, because pages of other origins can read only
// the headers that the app exposes.
type Problem struct {
	Error  string `json:"error,omitempty"`
	Scope  string `json:"scope,omitempty"`
	Claims string `json:"claims,omitempty"`
	MaxAge int64  `json:"max_age,omitempty"`

	description string
}

// Challenger writes the challenges of an app's API.
type Challenger struct {
	Realm string
	// Audience is the App ID URI of the API. MetadataURL is the URL of its metadata, or "".
	Audience, MetadataURL string
}

// ProblemOf returns the Problem for an error. It is empty if the request had no token, or if another
// token would not help.
func (c *Challenger) ProblemOf(e *autherr.Error) Problem {
	p := Problem{description: e.Message}
	required := flow.Requirements{}
	if r := autherr.Requirements(e); r != nil {
		required = *r
	}
	switch {
	case errors.Is(e, autherr.LoginRequired) && e.Reason == "" && autherr.IntentOf(e) == nil: // the request had no token
	case errors.Is(e, autherr.ClaimsChallenge) && required.MaxAge > 0:
		p.Error, p.MaxAge = "insufficient_user_authentication", required.MaxAge
	case errors.Is(e, autherr.ClaimsChallenge):
		p.Error, p.Claims = "insufficient_claims", claimsFor(required)
	case errors.Is(e, autherr.InsufficientScope):
		p.Error, p.Scope = "insufficient_scope", strings.Join(required.Scopes, " ")
	case errors.Is(e, autherr.ConsentRequired): // for a service that the app calls on behalf of the user
		p.Error, p.Scope = "insufficient_scope", c.Audience+"/.default"
	case errors.Is(e, autherr.LoginRequired) && e.Reason == "interaction_required": // another token would not help without the user
		p.Error = "insufficient_user_authentication"
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

// descriptions removes the characters that [Challenger.Challenge] avoids.
var descriptions = strings.NewReplacer(",", "", "=", "")

// quotable removes the characters that RFC 6750 section 3 does not allow in a value, because scopes and
// sentences of handlers may come from a request.
func quotable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, text)
}

// Challenge returns the header WWW-Authenticate. Its values contain no commas, and equal signs only at
// the end, because clients of Microsoft's APIs split the header at these characters.
func (c *Challenger) Challenge(p Problem) string {
	parts := []string{`realm="` + c.Realm + `"`}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+`="`+quotable(value)+`"`)
		}
	}
	add("error", p.Error)
	if p.Error != "" {
		add("error_description", descriptions.Replace(p.description))
	}
	add("scope", p.Scope)
	if p.MaxAge > 0 {
		add("max_age", strconv.FormatInt(p.MaxAge, 10))
	}
	if p.Claims != "" {
		add("claims", base64.StdEncoding.EncodeToString([]byte(p.Claims)))
	}
	add("resource_metadata", c.MetadataURL)
	return scheme + " " + strings.Join(parts, ", ")
}
