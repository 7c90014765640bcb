package flow

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// Requirements are what a sign-in must satisfy besides the user's identity. They come from
// the app's handlers and never from a request, because they travel to the browser and back
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
	// Silent requests an answer without any page being shown (prompt=none).
	Silent bool `json:"q,omitempty"`
	// LoginHint names the expected account for Entra. User is the object ID of the only
	// user whose silent sign-in is accepted.
	LoginHint string `json:"h,omitempty"`
	User      string `json:"u,omitempty"`
}

// maxRequirements bounds the requirements in bytes of JSON, because they travel in a URL and
// a cookie. maxRequirementsText is the size of their sealed text.
const (
	maxRequirements     = 700
	ageSize             = 8
	maxRequirementsText = (sealed.Overhead + ageSize + maxRequirements + 2) / 3 * 4
)

// ErrRequirementsTooLarge says that scopes and claims do not fit a URL.
var ErrRequirementsTooLarge = errors.New("flow: the scopes and claims that a sign-in is to bring exceed 700 bytes")

// Interactive returns the same requirements for a sign-in that may show the user pages.
func (r Requirements) Interactive() Requirements {
	r.Silent, r.User = false, ""
	return r
}

// IsZero reports whether nothing is required.
func (r Requirements) IsZero() bool {
	return len(r.Scopes) == 0 && r.Claims == "" && r.AuthContext == "" && r.MaxAge == 0 && !r.Silent && r.LoginHint == "" && r.User == "" && !r.SelectAccount
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

// SealRequirements encodes requirements for a URL. The text is valid for [Lifetime], and only
// in the browser that has this session, or none.
func (j *Jar) SealRequirements(r Requirements, session string, now time.Time) (string, error) {
	content, err := r.encode()
	if err != nil {
		return "", err
	}
	plaintext := binary.BigEndian.AppendUint64(nil, uint64(now.Unix())) //nolint:gosec // and back below
	return base64.RawURLEncoding.EncodeToString(j.ring.Seal(append(plaintext, content...), j.requirementsContext(session))), nil
}

// OpenRequirements reverses SealRequirements. A text that does not open requires nothing.
func (j *Jar) OpenRequirements(text, session string, now time.Time) (r Requirements, ok bool) {
	if len(text) > maxRequirementsText {
		return Requirements{}, false
	}
	box, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return Requirements{}, false
	}
	plaintext, err := j.ring.Open(box, j.requirementsContext(session))
	if err != nil || len(plaintext) < ageSize {
		return Requirements{}, false
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint64(plaintext)), 0)) //nolint:gosec // what SealRequirements wrote
	if age > Lifetime || age < -time.Minute || json.Unmarshal(plaintext[ageSize:], &r) != nil {
		return Requirements{}, false
	}
	return r, true
}

func (j *Jar) requirementsContext(session string) []byte {
	return sealed.Context(append([]string{"ask", session}, j.binding...)...)
}
