package flow

import (
	"encoding/json"
	"errors"
)

// Requirements are conditions that a sign-in must satisfy in addition to identifying the user. They
// come from the app's handlers and never from a request, because they are sealed while they are in the
// browser.
type Requirements struct {
	// Scopes are requested in addition to the configured ones.
	Scopes []string `json:"s,omitempty"`
	// Claims is the claims request of a challenge (OpenID Connect Core section 5.5).
	Claims string `json:"c,omitempty"`
	// AuthContext is the authentication context that the ID token must contain.
	AuthContext string `json:"a,omitempty"`
	// MaxAge is the maximum age of the user's authentication in seconds; 0 means any age.
	MaxAge int64 `json:"m,omitempty"`
	// SelectAccount lets the user select another account.
	SelectAccount bool `json:"o,omitempty"`
	// Prompt is any other value of the parameter prompt.
	Prompt string `json:"p,omitempty"`
	// Silent requests a response without showing a page (prompt=none).
	Silent bool `json:"q,omitempty"`
	// LoginHint is the expected account, for Entra. User is the object ID of the only user for whom a
	// silent sign-in is accepted.
	LoginHint string `json:"h,omitempty"`
	User      string `json:"u,omitempty"`
	// DomainHint and Parameters are further parameters of the authorize request.
	DomainHint string            `json:"d,omitempty"`
	Parameters map[string]string `json:"x,omitempty"`
}

// maxRequirements is the maximum size of the requirements in bytes of JSON, because they are part of a
// URL and a cookie.
const maxRequirements = 700

// ErrRequirementsTooLarge means that the requirements do not fit into a URL.
var ErrRequirementsTooLarge = errors.New("flow: the scopes, claims and options of the sign-in exceed 700 bytes")

// Interactive returns the same requirements for a sign-in that may show the user pages.
func (r Requirements) Interactive() Requirements {
	r.Silent, r.User = false, ""
	return r
}

// ForAnotherAccount returns the same requirements for a sign-in in which the user selects another
// account. It removes the hints, because Entra does not accept a login hint with this prompt, and a
// domain hint would preselect the account.
func (r Requirements) ForAnotherAccount() Requirements {
	r = r.Interactive()
	r.SelectAccount, r.Prompt, r.LoginHint, r.DomainHint = true, "", "", ""
	return r
}

// ShowPage reports whether Entra shows a page even if the user is signed in there.
func (r Requirements) ShowPage() bool { return r.SelectAccount || r.Prompt != "" || r.MaxAge > 0 }

// IsZero reports whether nothing is required.
func (r Requirements) IsZero() bool {
	return len(r.Scopes) == 0 && r.Claims == "" && r.AuthContext == "" && r.MaxAge == 0 && !r.Silent && r.LoginHint == "" && r.User == "" && !r.SelectAccount &&
		r.Prompt == "" && r.DomainHint == "" && len(r.Parameters) == 0
}

// Check returns [ErrRequirementsTooLarge] or [ErrClaims] if an authorize request cannot express the
// requirements. Requirements are never shortened, because a weaker sign-in would then be accepted.
func (r Requirements) Check() error {
	if _, err := parseClaims(r.Claims); err != nil {
		return err
	}
	_, err := r.encode()
	return err
}

// Fit removes the login hint if the requirements are too large with it. The sign-in is then not silent,
// because Entra could silently select another account.
func (r Requirements) Fit() Requirements {
	if _, err := r.encode(); errors.Is(err, ErrRequirementsTooLarge) {
		r = r.Interactive()
		r.LoginHint = ""
	}
	return r
}

func (r Requirements) encode() ([]byte, error) {
	content, err := json.Marshal(r)
	if err == nil && len(content) > maxRequirements {
		return nil, ErrRequirementsTooLarge
	}
	return content, err
}

// ClaimsParameter returns the claims parameter of the authorize URL, which contains the claims of a
// challenge, the claims that the ID token must contain, and the client's capabilities. It is empty if
// there are none.
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

// WithClaims adds the claims of another challenge, which take precedence.
func (r Requirements) WithClaims(raw string) (Requirements, error) {
	if raw == "" {
		return r, nil
	}
	c, err := parseClaims(r.Claims)
	if err != nil {
		return r, err
	}
	other, err := parseClaims(raw)
	if err != nil {
		return r, err
	}
	c.addAll(other)
	out, err := json.Marshal(c)
	r.Claims = string(out)
	return r, err
}
