package fibermsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/idtoken"
	"github.com/fibermsal/fibermsal/internal/mailaddr"
)

// User is a signed-in user, as verified at sign-in. It is a copy that belongs to
// the caller and may be kept and used after the handler has returned.
type User struct {
	// TenantID and ID identify the user, together: the tenant and the object id.
	// Everything else may change and is for showing, never for authorising.
	TenantID string `json:"tid"`
	ID       string `json:"oid"`
	// Subject identifies the user to this registration alone.
	Subject string `json:"sub"`
	// Name is the display name.
	Name string `json:"name,omitempty"`
	// Username is the preferred_username claim, for most users the UPN.
	Username string `json:"upn,omitempty"`
	// Mail is the mail address in lower case, or empty.
	Mail string `json:"mail,omitempty"`
	// Roles are the app roles assigned to the user.
	Roles []string `json:"roles,omitempty"`
	// Values are what OnSignIn added with [SignIn.Set], as JSON.
	Values map[string]json.RawMessage `json:"values,omitempty"`
	// SignedInAt and ExpiresAt are when the session began and when it ends at
	// the latest.
	SignedInAt time.Time `json:"signed_in_at"`
	ExpiresAt  time.Time `json:"expires_at"`
}

// FromContext returns who is signed in, or false for nobody. If the storage
// could not be asked it returns false too, and the middleware answers 503
// instead of what the handler wrote, unless Config.AnonymousOnOutage was chosen.
func FromContext(c *fiber.Ctx) (*User, bool) {
	r := requestOf(c)
	if r == nil {
		return nil, false
	}
	s, err := r.current(c)
	if err != nil || s == nil {
		return nil, false
	}
	return s.User.clone(), true
}

func (u *User) clone() *User {
	copied := *u
	copied.Roles = slices.Clone(u.Roles)
	copied.Values = maps.Clone(u.Values)
	for name, value := range copied.Values {
		copied.Values[name] = slices.Clone(value)
	}
	return &copied
}

func userOf(c *idtoken.Claims) User {
	u := User{
		TenantID: c.TenantID, ID: c.ObjectID, Subject: c.Subject,
		Name: c.Name, Username: c.Username, Roles: c.Roles,
	}
	u.Mail, _ = mailaddr.Normalize(c.Email)
	return u
}

// maxValues bounds what OnSignIn may add to a session, in bytes of JSON.
const maxValues = 4 << 10

// SignIn is a sign-in that is about to begin a session. It is for one call of
// Config.OnSignIn and must not be kept.
type SignIn struct {
	// User may be completed: Name, Mail and Roles. Changes of other fields have no
	// effect.
	User *User
	// Credential gives tokens of the user, as [TokenCredential] will.
	Credential azcore.TokenCredential

	values map[string]json.RawMessage
}

// Set adds a value to the session, under a name. It becomes part of User.Values
// and of the answer of GET /user/info, so it must not be a secret. All values
// together are at most 4 kB of JSON; what exceeds that, or is no JSON, is an error and
// adds nothing.
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

// completed runs the app's OnSignIn and keeps it from changing who the user is.
func (a *Auth) completed(ctx context.Context, verified User, credential azcore.TokenCredential) (User, error) {
	if a.cfg.OnSignIn == nil {
		return verified, nil
	}
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	signIn := &SignIn{User: verified.clone(), Credential: credential}
	if err := a.cfg.OnSignIn(ctx, signIn); err != nil {
		return User{}, refusedByApp(err)
	}
	u := verified
	u.Values = signIn.values
	if completed := signIn.User; completed != nil {
		u.Name, u.Roles = completed.Name, completed.Roles
		u.Mail, _ = mailaddr.Normalize(completed.Mail)
	}
	return u, nil
}

func refusedByApp(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{
		Code: "sign_in_refused", Status: fiber.StatusForbidden, Reason: "refused_by_app",
		Message: "This app does not accept the account.", Err: err,
	}
}
