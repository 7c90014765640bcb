package issuer

import (
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/grants"
	"github.com/fibermsal/fibermsal/entratest/internal/keys"
)

// AccessToken is of an account or, if that is nil, of the application itself.
type AccessToken struct {
	grants.Grant
	Tenant   *directory.Tenant
	Resource string
	Names    []string // permissions of that resource
	CAE      bool     // the client declared cp1
	Agent    bool     // the client is an agent identity
	AZPACR   string   // how the client authenticated: "1" by secret, "2" by assertion
	Expires  time.Time
}

// Draft is an ID token, or an access token for an API, before its signature.
type Draft struct {
	GrantType      string // of an ID token
	Resource       string // of an access token
	User           directory.User
	Header, Claims map[string]any
	Key, Foreign   *keys.Key // the signing key, and that of another issuer or nil
}

// Encode signs the draft.
func (d *Draft) Encode() string { return keys.Encode(d.Header, d.Claims, d.Key.RS256) }
