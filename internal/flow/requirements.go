package flow

import (
	"encoding/json"
	"errors"
)

// Requirements are conditions that a sign-in must satisfy besides the user's identity. They come
// from the app's handlers and never from a request, because they travel to the browser and back
// sealed.
type Requirements struct {
	// Scopes are requested in addition to the configured ones.
	Scopes []string `json:"s,omitempty"`
	// Claims is the claims request of a challenge (OpenID Connect Core section 5.5).
	Claims string `json:"c,omitempty"`
	// AuthContext is the authentication context that the id_token must name.
	AuthContext string `json:"a,omitempty"`
	// MaxAge is the maximum age of the user's authentication in seconds; 0 is any age.
	MaxAge int64 `json:"m,omitempty"`
	// SelectAccount lets the user choose another account.
	SelectAccount bool `json:"o,omitempty"`
	// Prompt is another value of the parameter prompt.
	Prompt string `json:"p,omitempty"`
	// Silent requests an answer without any page being shown (prompt=none).
	Silent bool `json:"q,omitempty"`
	// LoginHint names the expected account for Entra. User is the object ID of the only
	// user whose silent sign-in is accepted.
	LoginHint string `json:"h,omitempty"`
	User      string `json:"u,omitempty"`
	// DomainHint and Parameters are further parameters of the authorize request.
	DomainHint string            `json:"d,omitempty"`
	Parameters map[string]string `json:"x,omitempty"`
}

// maxRequirements limits the requirements in bytes of JSON, because they travel in a URL and a
// cookie.
const maxRequirements = 700

// ErrRequirementsTooLarge means that scopes and claims do not fit a URL.
var ErrRequirementsTooLarge = errors.New("flow: the scopes, claims and options of the sign-in exceed 700 bytes")

// Interactive returns the same requirements for a sign-in that may show the user pages.
func (r Requirements) Interactive() Requirements {
	r.Silent, r.User = false, ""
	return r
}

// ForAnotherAccount returns the same requirements for a sign-in in which the user selects another
// account. Entra does not accept a hint beside that, and that of a domain would choose the account.
func (r Requirements) ForAnotherAccount() Requirements {
	r = r.Interactive()
	r.SelectAccount, r.Prompt, r.LoginHint, r.DomainHint = true, "", "", ""
	return r
}

// ShowPage reports whether Entra shows the user a page, whatever it knows of the user.
func (r Requirements) ShowPage() bool { return r.SelectAccount || r.Prompt != "" || r.MaxAge > 0 }

// IsZero reports whether nothing is required.
func (r Requirements) IsZero() bool {
	return len(r.Scopes) == 0 && r.Claims == "" && r.AuthContext == "" && r.MaxAge == 0 && !r.Silent && r.LoginHint == "" && r.User == "" && !r.SelectAccount &&
		r.Prompt == "" && r.DomainHint == "" && len(r.Parameters) == 0
}

// Check returns [ErrRequirementsTooLarge] or [ErrClaims] if no authorize request can express
// the requirements. They are never shortened, because that would accept a weaker sign-in.
func (r Requirements) Check() error {
	if _, err := parseClaims(r.Claims); err != nil {
		return err
	}
	_, err := r.encode()
	return err
}

// Fit returns the requirements without the login hint if they are too large with it. The
// sign-in is then not silent, because Entra could silently pick another account.
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

// ClaimsParameter returns the claims parameter of the authorize URL: the claims of a challenge,
// those that the ID token must contain, and the client's capabilities. It is empty if there are
// none.
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
	other, err := parseClaims(raw)
	if err != nil {
		return r, err
	}
	c.addAll(other)
	out, err := json.Marshal(c)
	r.Claims = string(out)
	return r, err
}
