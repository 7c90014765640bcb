package issuer

import (
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/grants"
	"github.com/fibermsal/fibermsal/entratest/internal/ids"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
)

// idTokenLifetime is exp minus iat. entra: recorded as 3900 seconds.
const idTokenLifetime = 3900 * time.Second

// IDToken returns an ID token for a grant, with the changes of a test.
func (i *Issuer) IDToken(g *grants.Grant, grantType string) string {
	active, foreign := i.config.Keys.ForApp()
	claims := i.idClaims(g)
	if g.MaxAge > 0 && grantType == "authorization_code" { // entra: the token ends when the password is too old
		claims["exp"] = min(time.Now().Add(idTokenLifetime).Unix(), g.AuthTime.Add(g.MaxAge).Unix())
	}
	draft := &Draft{
		GrantType: grantType, User: g.Account.User,
		Header: map[string]any{"typ": "JWT", "alg": "RS256", "kid": active.ID}, Claims: claims,
		Key: active, Foreign: foreign,
	}
	i.mu.Lock()
	encode := i.tamper
	i.mu.Unlock()
	if encode == nil {
		encode = (*Draft).Encode
	}
	encoded := encode(draft)
	i.config.Secrets.Add(encoded)
	return encoded
}

// idClaims are those of a v2.0 token. entra: name, preferred_username, oid and tid need the profile scope,
// email the email scope; nonce, roles, groups and idp appear only with a value.
func (i *Issuer) idClaims(g *grants.Grant) map[string]any {
	a, now := g.Account, time.Now()
	c := map[string]any{
		"ver": "2.0",
		"iss": i.config.Origins.Issuer(a.Tenant.ID),
		"aud": i.config.ClientID,
		"iat": now.Unix(),
		"nbf": now.Unix(),
		"exp": now.Add(idTokenLifetime).Unix(),
		"sub": i.Subject(a),
		"aio": ids.Text(64),
		"rh":  "1." + ids.Text(40) + ".",
		"uti": ids.Text(22),
	}
	if scopes.Has(g.Scopes, "profile") {
		c["name"], c["preferred_username"], c["oid"], c["tid"] = a.DisplayName, a.UPN, a.ID, a.Tenant.ID
	}
	if scopes.Has(g.Scopes, "email") && a.Mail != "" {
		c["email"] = a.Mail
	}
	if g.Nonce != "" {
		c["nonce"] = g.Nonce
	}
	if len(a.Roles) > 0 {
		c["roles"] = a.Roles
	}
	if a.IsGuest() {
		c["idp"] = i.config.Origins.Provider(a.HomeTenantID)
	}
	for _, name := range i.config.OptionalClaims {
		addOptional[name](c, g)
	}
	if g.IDToken.AuthTime {
		c["auth_time"] = g.AuthTime.Unix()
	}
	if g.IDToken.ACRs {
		addACRS(c, g)
	}
	return c
}
