package issuer

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/grants"
	"github.com/fibermsal/fibermsal/entratest/internal/ids"
	"github.com/fibermsal/fibermsal/entratest/internal/keys"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
)

// accessMark begins Graph's access tokens, so that a search through logs and stores finds leaks.
const accessMark = "EwB-canary-at-"

// AccessToken completes, files and encodes an access token. It returns the lifetime as well.
func (i *Issuer) AccessToken(t *AccessToken) (encoded string, lifetime time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	t.Expires = time.Now().Add(i.lifetime)
	encoded = i.encode(t)
	i.access[encoded] = t
	i.config.Secrets.Add(encoded)
	return encoded, i.lifetime
}

// GraphToken issues a token for Graph without a sign-in.
func (i *Issuer) GraphToken(a *directory.Account, names []string) string {
	token, _ := i.AccessToken(&AccessToken{
		Grant:  grants.Grant{Account: a, Sessions: a.State().Sessions, Granted: time.Now(), AuthTime: time.Now()},
		Tenant: a.Tenant, Resource: scopes.Graph, Names: names, AZPACR: "1",
	})
	return token
}

// Find returns what an encoded access token stands for, expired or not; nil if this issuer did not issue it.
func (i *Issuer) Find(encoded string) *AccessToken {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.access[encoded]
}

// encode writes the token: a JWT that its API can verify, or for Graph an opaque text, as which a client has
// to treat it anyway.
func (i *Issuer) encode(t *AccessToken) string {
	if t.Resource == scopes.Graph {
		return accessMark + ids.Text(1500)
	}
	key := i.config.Keys.Active()
	header := map[string]any{"typ": "JWT", "alg": "RS256", "kid": key.ID}
	return keys.Encode(header, i.accessClaims(t), key.RS256)
}

// accessClaims are those of a v2.0 access token: access-token-claims-reference.md of the identity platform's
// documentation.
func (i *Issuer) accessClaims(t *AccessToken) map[string]any {
	now, audience := time.Now().Unix(), i.config.Scopes.Audience(t.Resource)
	c := map[string]any{
		"ver": "2.0", "iss": i.config.Origins.Issuer(t.Tenant.ID), "tid": t.Tenant.ID, "aud": audience,
		"iat": now, "nbf": now, "exp": t.Expires.Unix(),
		"azp": i.config.ClientID, "azpacr": t.AZPACR,
		"aio": ids.Text(64), "rh": "1." + ids.Text(40) + ".", "uti": ids.Text(22),
	}
	if t.CAE {
		c["xms_cc"] = []string{"cp1"}
	}
	if t.Account == nil {
		id := ids.Of("service principal", t.Tenant.ID, i.config.ClientID)
		c["idtyp"], c["oid"], c["sub"] = "app", id, id
		if len(t.Names) > 0 {
			c["roles"] = t.Names
		}
		return c
	}
	c["scp"] = strings.Join(t.Names, " ")
	c["oid"], c["sub"] = t.Account.ID, pairwise(t.Account, audience)
	c["name"], c["preferred_username"], c["sid"] = t.Account.DisplayName, t.Account.UPN, t.SID
	if len(t.ACRs) > 0 {
		c["acrs"] = t.ACRs
	}
	return c
}

// Subject is the sub claim of the account for the application.
func (i *Issuer) Subject(a *directory.Account) string { return pairwise(a, i.config.ClientID) }

// pairwise is the sub claim: stable for one user in one app, different in every other.
func pairwise(a *directory.Account, clientID string) string {
	sum := sha256.Sum256([]byte(a.Tenant.ID + "/" + a.ID + "/" + clientID))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
