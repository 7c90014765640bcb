// Package session keeps users' sessions in sealed records, caches decoded sessions in this process, and
// finds sessions by user, mail address or Entra session.
package session

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/accesstoken"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/telemetry"
)

// Session is a user's session. It is immutable and shared by requests with its cookie. Its JSON is a
// stored format, so renaming a field would sign out all users.
type Session struct {
	// ID identifies the session and its records. It is a hash of the token in the cookie.
	ID string `json:"-"`

	User Identity `json:"user"`
	// Origin is the redirect URI of the app at which the session began. It is empty in sessions of
	// versions before this field.
	Origin string `json:"origin,omitempty"`
	// Account is MSAL's home account ID, under which the tokens are filed.
	Account string `json:"account"`
	// LoginHint identifies the account to Entra at sign-out.
	LoginHint string `json:"hint,omitempty"`
	// EntraSession is the sid of the browser's session at Entra, if Entra reported it.
	EntraSession string `json:"sid,omitempty"`
	// Scopes are the granted scopes of the resource of Config.Scopes.
	Scopes []string `json:"scopes,omitempty"`
	// AuthenticatedAt is when the user last authenticated. Zero means unknown.
	AuthenticatedAt time.Time `json:"auth_time,omitzero"`
	// AuthContexts are the authentication contexts that the user has satisfied, with the times until
	// which they are valid. Their IDs are in lower case, except in sessions of earlier versions.
	AuthContexts map[string]time.Time `json:"acrs,omitempty"`
	// Groups are the object IDs of the user's groups, if the registration adds them. Entra
	// leaves them out for a user with too many, and sets GroupsElsewhere.
	Groups          []string `json:"groups,omitempty"`
	GroupsElsewhere bool     `json:"overage,omitempty"`

	// Browser is the browser that signed in, such as "Firefox on Linux", if Config.RecordBrowser is
	// set.
	Browser string `json:"browser,omitempty"`

	// Token is set if the session is not stored but stands for a client's access token.
	Token *accesstoken.Claims `json:"-"`
}

// Identity is the user of a session, as verified at sign-in.
type Identity struct {
	TenantID   string                     `json:"tid"`
	ID         string                     `json:"oid"`
	Subject    string                     `json:"sub"`
	Name       string                     `json:"name,omitempty"`
	Username   string                     `json:"upn,omitempty"`
	Mail       string                     `json:"mail,omitempty"`
	Roles      []string                   `json:"roles,omitempty"`
	Values     map[string]json.RawMessage `json:"values,omitempty"`
	SignedInAt time.Time                  `json:"signed_in_at"`
	ExpiresAt  time.Time                  `json:"expires_at"`

	// For access tokens only.
	ClientID string `json:"-"`
	AppOnly  bool   `json:"-"`
	Agent    bool   `json:"-"`
}

// Clone returns a deep copy.
func (i *Identity) Clone() *Identity {
	copied := *i
	copied.Roles = slices.Clone(i.Roles)
	copied.Values = maps.Clone(i.Values)
	for name, value := range copied.Values {
		copied.Values[name] = slices.Clone(value)
	}
	return &copied
}

// HasAuthContext reports whether the user has satisfied an authentication context. It ignores case,
// because Microsoft's documentation is inconsistent.
func (s *Session) HasAuthContext(id string) bool {
	for satisfied, until := range s.AuthContexts {
		if strings.EqualFold(satisfied, id) && time.Now().Before(until) {
			return true
		}
	}
	return false
}

// Inherit copies the proofs of authentication from the session that this one replaces, because the ID
// token of a later sign-in does not repeat them. They stay valid no longer than before.
func (s *Session) Inherit(old *Session) {
	if old == nil || !s.SameUser(old) {
		return
	}
	for id, until := range old.AuthContexts {
		if _, renewed := s.AuthContexts[id]; !renewed && time.Now().Before(until) {
			s.AuthContexts[id] = until
		}
	}
	if old.AuthenticatedAt.After(s.AuthenticatedAt) { // a later ID token may repeat the time of the password
		s.AuthenticatedAt = old.AuthenticatedAt
	}
}

// SameUser reports whether two sessions belong to one user.
func (s *Session) SameUser(other *Session) bool {
	return s.User.ID == other.User.ID && s.User.TenantID == other.User.TenantID
}

// Provisional returns a copy for a sign-in that has no records yet, with a separate ID, so that
// concurrent sign-ins do not wait for each other's tokens.
func (s *Session) Provisional(name string) *Session {
	provisional := *s
	provisional.ID = name
	return &provisional
}

// Subject returns the identification of the session in audit records.
func (s *Session) Subject() telemetry.Subject {
	return telemetry.Subject{TenantID: s.User.TenantID, UserID: s.User.ID, SessionID: s.ID}
}

func (s *Session) expired() bool { return !time.Now().Before(s.User.ExpiresAt) }

// The labels under which sessions are indexed.

func userLabel(tenant, user string) record.Label { return record.NewLabel("user", tenant, user) }

func mailLabel(tenant, mail string) record.Label { return record.NewLabel("mail", tenant, mail) }

// tenantLabel is the label of marks for a tenant. It has no index.
func tenantLabel(tenant string) record.Label { return record.NewLabel("tenant", tenant) }

func entraLabel(sid string) record.Label { return record.NewLabel("sid", sid) }

// markedLabels returns the labels for which EndSessions refuses sign-ins in progress. The user's label
// comes first, because the number of sessions in its index is limited.
func (s *Session) markedLabels() []record.Label {
	labels := []record.Label{userLabel(s.User.TenantID, s.User.ID)}
	if s.User.Mail != "" {
		labels = append(labels, mailLabel(s.User.TenantID, s.User.Mail))
	}
	return labels
}

// ownLabels returns the other labels. Their indexes contain the sessions of a single browser at most.
func (s *Session) ownLabels() []record.Label {
	if s.EntraSession == "" {
		return nil
	}
	return []record.Label{entraLabel(s.EntraSession)}
}

func (s *Session) labels() []record.Label { return append(s.markedLabels(), s.ownLabels()...) }
