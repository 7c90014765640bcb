package entra

import (
	"encoding/json"
	"time"

	"github.com/fibermsal/fibermsal/internal/session"
)

// User is a signed-in user, as verified at sign-in. It is a copy that belongs to the caller and may be
// retained after the handler has returned.
type User struct {
	// TenantID and ID together identify the user: the tenant and the object ID. Name, Username and Mail
	// may change; show them, but never use them to authorize.
	TenantID string `json:"tid"`
	ID       string `json:"oid"`
	// Subject identifies the user within this registration only.
	Subject string `json:"sub"`
	// Name is the display name.
	Name string `json:"name,omitempty"`
	// Username is the preferred_username claim, which is the UPN for most users.
	Username string `json:"upn,omitempty"`
	// Mail is the mail address in lower case, or empty.
	Mail string `json:"mail,omitempty"`
	// Roles are the app roles that are assigned to the user.
	Roles []string `json:"roles,omitempty"`
	// Values are the values that OnSignIn has added with [SignIn.Set], as JSON.
	Values map[string]json.RawMessage `json:"values,omitempty"`
	// SignedInAt is when the session began, or when the access token was issued. ExpiresAt is the
	// latest time at which the session or the token ends.
	SignedInAt time.Time `json:"signed_in_at"`
	ExpiresAt  time.Time `json:"expires_at"`

	// ClientID is the client ID of the application that called with an access token. It is empty for
	// the user of a session.
	ClientID string `json:"client_id,omitempty"`
	// AppOnly is set if that application called without a user. ID is then the object ID of its service
	// principal, and Roles are the application's. Only routes that accept AppTokens get such callers.
	AppOnly bool `json:"app_only,omitempty"`
	// Agent is set if the caller is an AI agent: with its own agent identity, on behalf of a user, or
	// with an agent's user account. [TokenInfo] has the details.
	Agent bool `json:"agent,omitempty"`
}

// userOf returns a copy of the stored identity for the app. The two types have the same fields, which
// the compiler checks, but only the JSON names of the stored type are part of the stored format.
func userOf(i *session.Identity) *User { return (*User)(i.Clone()) }

func (u *User) clone() *User { return userOf((*session.Identity)(u)) }
