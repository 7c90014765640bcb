package flow

import (
	"encoding/json"
	"errors"
)

// ErrClaims means that a challenge's claims are not a claims request.
var ErrClaims = errors.New("flow: the claims of the challenge are not a JSON object of objects; they must be decoded from base64 first")

// claims is a claims request (OpenID Connect Core section 5.5): requests by token and claim.
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

// add requests a claim in a token.
func (c claims) add(token, claim string, request any) {
	if c[token] == nil {
		c[token] = make(map[string]any)
	}
	c[token][claim] = request
}

// addAll adds another claims request, which takes precedence.
func (c claims) addAll(other claims) {
	for token, requests := range other {
		for claim, request := range requests {
			c.add(token, claim, request)
		}
	}
}
