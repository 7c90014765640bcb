// Package session keeps users' sessions in sealed records, remembers decoded ones in this
// process, and finds them by user, mail address or Entra session.
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

// Session is a user's session. It is immutable, and shared by the requests that carry its
// cookie. Its JSON is a stored format: renamed fields would sign everybody out.
type Session struct {
	// ID names the session and its records. It is a hash of the token in the cookie.
	ID string `json:"-"`

	User Identity `json:"user"`
	// Origin is the app at which the session began, its redirect URI. Sessions of versions
	// before this field have none.
	Origin string `json:"origin,omitempty"`
	// Account is MSAL's home account ID, under which the tokens are filed.
	Account string `json:"account"`
	// LoginHint identifies the account to Entra at sign-out.
	LoginHint string `json:"hint,omitempty"`
	// EntraSession is the sid of the browser's session at Entra, if Entra reported it.
	EntraSession string `json:"sid,omitempty"`
	// Scopes are the granted ones, of the resource of Config.Scopes.
	Scopes []string `json:"scopes,omitempty"`
	// AuthenticatedAt is when the user last authenticated; zero is unknown.
	AuthenticatedAt time.Time `json:"auth_time,omitzero"`
	// AuthContexts are the authentication contexts that the user has satisfied, and until when
	// they are valid. Their IDs are in lower case, except in sessions of earlier versions.
	AuthContexts map[string]time.Time `json:"acrs,omitempty"`
	// Groups are the object IDs of the user's groups, if the registration adds them. Entra
	// leaves them out for a user with too many, and sets GroupsElsewhere.
	Groups          []string `json:"groups,omitempty"`
	GroupsElsewhere bool     `json:"overage,omitempty"`

	// Browser is the family of the browser that signed in, if Config asks for it.
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

	// Of access tokens only.
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

// HasAuthContext reports whether the user has satisfied an authentication context. Microsoft's
// documents differ in the case of IDs.
func (s *Session) HasAuthContext(id string) bool {
	for satisfied, until := range s.AuthContexts {
		if strings.EqualFold(satisfied, id) && time.Now().Before(until) {
			return true
		}
	}
	return false
}

// Inherit takes over what the user proved in the session that this one replaces, because the
// id_token of a later sign-in does not repeat it. It stays valid no longer than before.
func (s *Session) Inherit(old *Session) {
	if old == nil || !s.SameUser(old) {
		return
	}
	for id, until := range old.AuthContexts {
		if _, renewed := s.AuthContexts[id]; !renewed && time.Now().Before(until) {
			s.AuthContexts[id] = until
		}
	}
	if old.AuthenticatedAt.After(s.AuthenticatedAt) { // a later id_token repeats the time of the password
		s.AuthenticatedAt = old.AuthenticatedAt
	}
}

// SameUser reports whether two sessions belong to one user.
func (s *Session) SameUser(other *Session) bool {
	return s.User.ID == other.User.ID && s.User.TenantID == other.User.TenantID
}

// Provisional returns the session of a sign-in that has no records yet, under a name of its
// own, so that concurrent sign-ins do not wait for each other's tokens.
func (s *Session) Provisional(name string) *Session {
	provisional := *s
	provisional.ID = name
	return &provisional
}

// Subject names the session in audit records.
func (s *Session) Subject() telemetry.Subject {
	return telemetry.Subject{TenantID: s.User.TenantID, UserID: s.User.ID, SessionID: s.ID}
}

func (s *Session) expired() bool { return !time.Now().Before(s.User.ExpiresAt) }

// Sessions are found by labels.

func userLabel(tenant, user string) record.Label { return record.NewLabel("user", tenant, user) }

func mailLabel(tenant, mail string) record.Label { return record.NewLabel("mail", tenant, mail) }

// tenantLabel is the label of no list, but of the marks about a tenant.
func tenantLabel(tenant string) record.Label { return record.NewLabel("tenant", tenant) }

func entraLabel(sid string) record.Label { return record.NewLabel("sid", sid) }

// markedLabels are the labels by which EndSessions refuses sign-ins under way. The user's comes first,
// because the number of sessions on its list is bounded.
func (s *Session) markedLabels() []record.Label {
	labels := []record.Label{userLabel(s.User.TenantID, s.User.ID)}
	if s.User.Mail != "" {
		labels = append(labels, mailLabel(s.User.TenantID, s.User.Mail))
	}
	return labels
}

// ownLabels are the others. Their lists contain the sessions of one browser at most.
func (s *Session) ownLabels() []record.Label {
	if s.EntraSession == "" {
		return nil
	}
	return []record.Label{entraLabel(s.EntraSession)}
}

func (s *Session) labels() []record.Label { return append(s.markedLabels(), s.ownLabels()...) }
