package entra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/mailaddr"
	"github.com/fibermsal/fibermsal/internal/msalcache"
	"github.com/fibermsal/fibermsal/internal/session"
)

const (
	// hookTimeout bounds the app's OnSignIn.
	hookTimeout = 10 * time.Second
	// maxValues bounds what OnSignIn may add to a session, in bytes of JSON.
	maxValues = 4 << 10
)

// User is a signed-in user, as verified at sign-in. It is a copy that belongs to the caller and
// may be kept and used after the handler has returned.
type User struct {
	// TenantID and ID identify the user together: the tenant and the object ID. Everything else
	// may change, and must only be shown and never be used to authorize.
	TenantID string `json:"tid"`
	ID       string `json:"oid"`
	// Subject identifies the user to this registration only.
	Subject string `json:"sub"`
	// Name is the display name.
	Name string `json:"name,omitempty"`
	// Username is the preferred_username claim, for most users the UPN.
	Username string `json:"upn,omitempty"`
	// Mail is the mail address in lower case, or empty.
	Mail string `json:"mail,omitempty"`
	// Roles are the app roles that are assigned to the user.
	Roles []string `json:"roles,omitempty"`
	// Values are what OnSignIn added with [SignIn.Set], as JSON.
	Values map[string]json.RawMessage `json:"values,omitempty"`
	// SignedInAt is when the session began, and ExpiresAt when it ends at the latest.
	SignedInAt time.Time `json:"signed_in_at"`
	ExpiresAt  time.Time `json:"expires_at"`
}

// userOf returns a copy of the stored identity for the app. The two types have the same fields,
// which the compiler checks, but the stored one keeps its JSON.
func userOf(i *session.Identity) *User { return (*User)(i.Clone()) }

func (u *User) clone() *User { return userOf((*session.Identity)(u)) }

// FromContext returns the signed-in user, or false if there is none. If the storage failed it
// returns false, too, and the middleware answers 503 in place of what the handler wrote, unless
// Config.AnonymousOnOutage is set.
func FromContext(c Locals) (*User, bool) {
	v := visitOf(c)
	if v == nil {
		return nil, false
	}
	s, err := v.Session()
	if err != nil || s == nil {
		return nil, false
	}
	return userOf(&s.User), true
}

// SignIn is a sign-in that is about to begin a session. It is valid during one call of
// Config.OnSignIn and must not be kept.
type SignIn struct {
	// User may be completed: Name, Mail and Roles. Changes of other fields have no effect.
	User *User
	// Credential returns tokens of the user, as TokenCredential does later.
	Credential azcore.TokenCredential

	values map[string]json.RawMessage
}

// Set adds a value to the session under a name. It becomes part of User.Values and of the
// answer of GET /user/info, so it must not be a secret. All values together may have 4 kB of
// JSON. A value that exceeds it, or cannot be encoded as JSON, is an error and changes nothing.
func (s *SignIn) Set(name string, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("fibermsal: SignIn.Set %q: %w", name, err)
	}
	size := len(name) + len(raw)
	for other, v := range s.values {
		if other != name {
			size += len(other) + len(v)
		}
	}
	if size > maxValues {
		return errors.New("fibermsal: SignIn.Set: the values of a session exceed 4 kB")
	}
	if s.values == nil {
		s.values = make(map[string]json.RawMessage)
	}
	s.values[name] = raw
	return nil
}

// onSignIn runs the app's OnSignIn, which must not change who the user is.
func (s *Service) onSignIn(ctx context.Context, begun *session.Session, tokens *msalcache.Memory) (session.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	verified := begun.User
	signIn := &SignIn{User: userOf(&verified), Credential: s.credential(begun, tokens)}
	if err := s.settings.OnSignIn(ctx, signIn); err != nil {
		return session.Identity{}, autherr.FromApp(err)
	}
	verified.Values = signIn.values
	if completed := signIn.User; completed != nil {
		verified.Name, verified.Roles = completed.Name, completed.Roles
		verified.Mail, _ = mailaddr.Normalize(completed.Mail)
	}
	return verified, nil
}
