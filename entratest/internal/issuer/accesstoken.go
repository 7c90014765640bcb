package issuer

import (
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/grants"
	"github.com/fibermsal/fibermsal/entratest/internal/ids"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
)

// accessMark begins Graph's access tokens, so that a search through logs and stores finds leaks.
const accessMark = "EwB-canary-at-"

// AccessToken completes, stores and encodes an access token. It returns the lifetime as well.
func (i *Issuer) AccessToken(t *AccessToken) (encoded string, lifetime time.Duration) {
	i.mu.Lock()
	lifetime, encode := i.lifetime, i.falsify
	i.mu.Unlock()
	if encode == nil {
		encode = (*Draft).Encode
	}
	t.Expires = time.Now().Add(lifetime)
	encoded = i.encode(t, encode)
	i.config.Secrets.Add(encoded)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.access[encoded] = t
	return encoded, lifetime
}

// Issue completes and issues a token without a sign-in or a call.
func (i *Issuer) Issue(t *AccessToken) string {
	if a := t.Account; a != nil {
		t.Grant = grants.Grant{Account: a, Sessions: a.State().Sessions, Granted: time.Now(), AuthTime: time.Now()}
		t.Tenant = a.Tenant
	}
	if t.AZPACR = "1"; t.Agent {
		t.AZPACR = "2" // its blueprint has made an assertion
	}
	t.CAE = i.config.Scopes.API(t.Resource).Capable
	token, _ := i.AccessToken(t)
	return token
}

// Find returns the data of an encoded access token, even an expired one, or nil if this issuer did not
// issue it.
func (i *Issuer) Find(encoded string) *AccessToken {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.access[encoded]
}

// encode writes the token. It is a JWT that its API can verify. For Graph it is an opaque text, because
// clients must not interpret these tokens.
func (i *Issuer) encode(t *AccessToken, encode func(*Draft) string) string {
	if t.Resource == scopes.Graph {
		return accessMark + ids.Text(1500)
	}
	key, foreign := i.config.Keys.Active(), i.config.Keys.Foreign()
	if i.config.Scopes.API(t.Resource).IsOf(i.config.ClientID) {
		key, foreign = i.config.Keys.ForApp() // entra: the key is that of the API
	}
	draft := &Draft{
		Resource: t.Resource, Header: map[string]any{"typ": "JWT", "alg": "RS256", "kid": key.ID}, Claims: i.accessClaims(t),
		Key: key, Foreign: foreign,
	}
	if t.Account != nil {
		draft.User = t.Account.User
	}
	return encode(draft)
}

// Subject is the sub claim of the account for the application.
func (i *Issuer) Subject(a *directory.Account) string { return pairwise(a, i.config.ClientID) }

// pairwise is the sub claim. It is stable for a user in one app, and differs between apps.
func pairwise(a *directory.Account, clientID string) string {
	sum := sha256.Sum256([]byte(a.Tenant.ID + "/" + a.ID + "/" + clientID))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
