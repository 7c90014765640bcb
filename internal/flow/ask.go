package flow

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// Ask is what a sign-in is to bring beside who it is. It comes from the app's
// handlers, never from a request: it travels to the browser and back sealed.
type Ask struct {
	// Scopes are asked for beside the configured ones.
	Scopes []string `json:"s,omitempty"`
	// Claims is the claims request of a challenge (OpenID Connect Core section 5.5).
	Claims string `json:"c,omitempty"`
	// AuthContext is the authentication context that the id_token must name.
	AuthContext string `json:"a,omitempty"`
	// MaxAge is how long ago, in seconds, the user may have proven who they are; 0
	// is any time.
	MaxAge int64 `json:"m,omitempty"`
	// SelectAccount lets the user choose another account.
	SelectAccount bool `json:"o,omitempty"`
	// Silent asks for an answer without showing the user anything.
	Silent bool `json:"q,omitempty"`
	// LoginHint is whose sign-in it is to be, for Entra; and User, for us, the only one
	// whose silent sign-in counts.
	LoginHint string `json:"h,omitempty"`
	User      string `json:"u,omitempty"`
}

// maxAsk bounds what is asked for, in bytes of its JSON: it travels in a URL and a
// cookie. maxAskText is as much sealed.
const (
	maxAsk     = 700
	ageSize    = 8
	maxAskText = (sealed.Overhead + ageSize + maxAsk + 2) / 3 * 4
)

// ErrAskTooLarge says that scopes and claims do not fit a URL.
var ErrAskTooLarge = errors.New("flow: the scopes and claims that a sign-in is to bring exceed 700 bytes")

// Interactive returns the same ask, which may show the user something.
func (k Ask) Interactive() Ask {
	k.Silent, k.User = false, ""
	return k
}

// IsZero reports whether nothing is asked for.
func (k Ask) IsZero() bool {
	return len(k.Scopes) == 0 && k.Claims == "" && k.AuthContext == "" && k.MaxAge == 0 && !k.Silent && k.LoginHint == "" && k.User == "" && !k.SelectAccount
}

// Check reports why a sign-in cannot ask for it, if so: [ErrAskTooLarge] or [ErrClaims].
// To leave something out would be to let the user in for less.
func (k Ask) Check() error {
	if _, err := parseClaims(k.Claims); err != nil {
		return err
	}
	_, err := k.encode()
	return err
}

// Fit returns the ask without a hint that makes it too large. It is not silent then:
// whoever Entra knows in this browser must not do.
func (k Ask) Fit() Ask {
	if _, err := k.encode(); errors.Is(err, ErrAskTooLarge) {
		k = k.Interactive()
		k.LoginHint = ""
	}
	return k
}

func (k Ask) encode() ([]byte, error) {
	content, err := json.Marshal(k)
	if err == nil && len(content) > maxAsk {
		return nil, ErrAskTooLarge
	}
	return content, err
}

// SealAsk makes text for a URL of what is asked for, good for [Lifetime] and for the
// browser that has this session, or none.
func (j *Jar) SealAsk(k Ask, session string, now time.Time) (string, error) {
	content, err := k.encode()
	if err != nil {
		return "", err
	}
	plaintext := binary.BigEndian.AppendUint64(nil, uint64(now.Unix())) //nolint:gosec // and back below
	return base64.RawURLEncoding.EncodeToString(j.ring.Seal(append(plaintext, content...), j.askContext(session))), nil
}

// OpenAsk is the reverse of SealAsk. What does not open asks for nothing.
func (j *Jar) OpenAsk(text, session string, now time.Time) (k Ask, ok bool) {
	if len(text) > maxAskText {
		return Ask{}, false
	}
	box, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return Ask{}, false
	}
	plaintext, err := j.ring.Open(box, j.askContext(session))
	if err != nil || len(plaintext) < ageSize {
		return Ask{}, false
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint64(plaintext)), 0)) //nolint:gosec // what SealAsk wrote
	if age > Lifetime || age < -time.Minute || json.Unmarshal(plaintext[ageSize:], &k) != nil {
		return Ask{}, false
	}
	return k, true
}

func (j *Jar) askContext(session string) []byte {
	return sealed.Context(append([]string{"ask", session}, j.binding...)...)
}
