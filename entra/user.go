package entra

import (
	"encoding/json"
	"time"

	"github.com/fibermsal/fibermsal/internal/session"
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
	// SignedInAt is when the session began, or when an access token was issued, and ExpiresAt when it
	// ends at the latest.
	SignedInAt time.Time `json:"signed_in_at"`
	ExpiresAt  time.Time `json:"expires_at"`

	// ClientID is the application that called with an access token, and empty for the user of a
	// session.
	ClientID string `json:"client_id,omitempty"`
	// AppOnly is set if that application called as itself, for no user: ID is then that of its service
	// principal, and Roles are its own. Only routes that accept AppTokens see such a caller.
	AppOnly bool `json:"app_only,omitempty"`
	// Agent is set if an AI agent calls, with an agent identity of its own, for a user, or with the
	// user account of an agent. [TokenInfo] has the details.
	Agent bool `json:"agent,omitempty"`
}

// userOf returns a copy of the stored identity for the app. The two types have the same fields,
// which the compiler checks, but the stored one keeps its JSON.
func userOf(i *session.Identity) *User { return (*User)(i.Clone()) }

func (u *User) clone() *User { return userOf((*session.Identity)(u)) }
