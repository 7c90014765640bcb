package flow

import (
	"encoding/json"
	"errors"
)

// ErrClaims says that a challenge's claims are no claims request.
var ErrClaims = errors.New("flow: the claims of the challenge are not a JSON object of objects; they must be decoded from base64 first")

// claims is a claims request (OpenID Connect Core section 5.5): what is asked of a token,
// by the token and the claim.
type claims map[string]map[string]any

func parseClaims(raw string) (claims, error) {
	if raw == "" {
		return claims{}, nil
	}
	var c claims
	if err := json.Unmarshal([]byte(raw), &c); err != nil || c == nil {
		return nil, ErrClaims
	}
	return c, nil
}

// add asks for a claim in a token.
func (c claims) add(token, claim string, request any) {
	if c[token] == nil {
		c[token] = make(map[string]any)
	}
	c[token][claim] = request
}

// ClaimsParameter is the claims parameter of the authorize URL: that of a challenge, what
// the id_token is to tell, and what the client says it can do. It is empty if that is
// nothing.
func (r Requirements) ClaimsParameter(capabilities ...string) (string, error) {
	c, err := parseClaims(r.Claims)
	if err != nil {
		return "", err
	}
	if len(capabilities) > 0 {
		c.add("access_token", "xms_cc", map[string]any{"values": capabilities})
	}
	if r.AuthContext != "" {
		c.add("id_token", "acrs", map[string]any{"essential": true, "value": r.AuthContext})
	}
	if r.MaxAge > 0 {
		c.add("id_token", "auth_time", map[string]any{"essential": true})
	}
	if len(c) == 0 {
		return "", nil
	}
	out, err := json.Marshal(c)
	return string(out), err
}

// WithClaims adds the claims of another challenge, which override the present ones.
func (r Requirements) WithClaims(raw string) (Requirements, error) {
	if raw == "" {
		return r, nil
	}
	c, err := parseClaims(r.Claims)
	if err != nil {
		return r, err
	}
	more, err := parseClaims(raw)
	if err != nil {
		return r, err
	}
	for token, requests := range more {
		for claim, request := range requests {
			c.add(token, claim, request)
		}
	}
	out, err := json.Marshal(c)
	r.Claims = string(out)
	return r, err
}
