package entratest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// idTokenLifetime is exp minus iat. entra: recorded as 3900 seconds.
const idTokenLifetime = 3900 * time.Second

// maxGroups is how many groups a token carries before Entra sends a pointer to Graph instead.
const maxGroups = 200

// issuer is the iss claim for a tenant, always with its real id.
func (s *Server) issuer(tenantID string) string {
	return s.login + "/" + tenantID + "/v2.0"
}

// newIDToken fills an ID token for one grant; the caller signs it. It must be called without s.mu.
func (s *Server) newIDToken(g *grant, grantType string) *IDToken {
	s.mu.Lock()
	key, foreign := s.keys.active(), s.keys.foreign
	s.mu.Unlock()
	return &IDToken{
		Grant:     grantType,
		User:      g.account.User,
		PublicKey: &key.private.PublicKey,
		Header:    map[string]any{"typ": "JWT", "alg": "RS256", "kid": key.kid},
		Claims:    s.claims(g),
		Sign:      key.signRS256,
		key:       key,
		foreign:   foreign,
	}
}

// claims are those of a v2.0 token. entra: name, preferred_username, oid and tid need the profile scope,
// email the email scope; nonce, roles, groups and idp appear when there is something to say.
func (s *Server) claims(g *grant) map[string]any {
	a, now := g.account, time.Now()
	c := map[string]any{
		"ver": "2.0",
		"iss": s.issuer(a.tenant.id),
		"aud": s.ClientID,
		"iat": now.Unix(),
		"nbf": now.Unix(),
		"exp": now.Add(idTokenLifetime).Unix(),
		"sub": pairwise(a, s.ClientID),
		"aio": randomText(64),
		"rh":  "1." + randomText(40) + ".",
		"uti": randomText(22),
	}
	if has(g.scopes, "profile") {
		c["name"], c["preferred_username"], c["oid"], c["tid"] = a.DisplayName, a.UPN, a.ID, a.tenant.id
	}
	if has(g.scopes, "email") && a.Mail != "" {
		c["email"] = a.Mail
	}
	if g.nonce != "" {
		c["nonce"] = g.nonce
	}
	if len(a.Roles) > 0 {
		c["roles"] = a.Roles
	}
	if a.IsGuest() {
		c["idp"] = "https://sts.windows.net/" + a.HomeTenantID + "/"
	}
	for _, name := range s.settings.optionalClaims {
		addOptional[name](c, g)
	}
	if g.idToken.authTime {
		c["auth_time"] = g.authTime.Unix()
	}
	if g.idToken.acrs {
		addACRS(c, g)
	}
	return c
}

// addOptional adds the claims that a registration asks for: optional-claims-reference.md of the identity
// platform's documentation.
var addOptional = map[string]func(c map[string]any, g *grant){
	"acct": func(c map[string]any, g *grant) {
		c["acct"] = 0
		if g.account.IsGuest() {
			c["acct"] = 1
		}
	},
	"acrs":        addACRS,
	"auth_time":   func(c map[string]any, g *grant) { c["auth_time"] = g.authTime.Unix() },
	"email":       func(c map[string]any, g *grant) { addText(c, "email", g.account.Mail) },
	"family_name": func(c map[string]any, g *grant) { addProfile(c, g, "family_name", g.account.Surname) },
	"given_name":  func(c map[string]any, g *grant) { addProfile(c, g, "given_name", g.account.GivenName) },
	"groups":      func(c map[string]any, g *grant) { addGroups(c, g.account) },
	"login_hint":  func(c map[string]any, g *grant) { c["login_hint"] = loginHint(g.account) },
	"sid":         func(c map[string]any, g *grant) { c["sid"] = g.sid },
	"upn":         func(c map[string]any, g *grant) { addProfile(c, g, "upn", g.account.UPN) },
}

func addACRS(c map[string]any, g *grant) {
	if len(g.acrs) > 0 {
		c["acrs"] = g.acrs
	}
}

func addText(c map[string]any, name, value string) {
	if value != "" {
		c[name] = value
	}
}

// addProfile adds a claim that needs the profile scope as well.
func addProfile(c map[string]any, g *grant, name, value string) {
	if has(g.scopes, "profile") {
		addText(c, name, value)
	}
}

// WithOptionalClaims sets which optional claims the registration asks for in ID tokens, of acct, acrs,
// auth_time, email, family_name, given_name, groups, login_hint, sid and upn; with none, none. auth_time is
// also issued to a request with max_age, acrs to one that asks for it. Default: acct, auth_time, groups,
// login_hint and sid.
func WithOptionalClaims(names ...string) Option {
	return func(c *settings) { c.optionalClaims = slices.Clone(names) }
}

func checkOptionalClaims(names []string) error {
	for _, name := range names {
		if addOptional[name] == nil {
			return fmt.Errorf("there is no optional claim %q", name)
		}
	}
	return nil
}

func addGroups(c map[string]any, a *account) {
	switch {
	case len(a.Groups) > maxGroups:
		endpoint := "https://graph.windows.net/" + a.tenant.id + "/users/" + a.ID + "/getMemberObjects"
		c["_claim_names"] = map[string]string{"groups": "src1"}
		c["_claim_sources"] = map[string]any{"src1": map[string]string{"endpoint": endpoint}}
	case len(a.Groups) > 0:
		c["groups"] = a.Groups
	}
}

// pairwise is the sub claim: stable for one user in one app, different in every other.
func pairwise(a *account, clientID string) string {
	sum := sha256.Sum256([]byte(a.tenant.id + "/" + a.ID + "/" + clientID))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// loginHint is the opaque login_hint claim, understood by authorize and logout.
func loginHint(a *account) string {
	return "O." + base64.RawURLEncoding.EncodeToString([]byte(a.tenant.id+"/"+a.ID))
}

// hinted finds the account that a login_hint or logout_hint means: a sign-in name or the claim.
func hinted(hint string, tenants []*tenant) *account {
	if !strings.HasPrefix(hint, "O.") {
		return find(hint, tenants)
	}
	for _, t := range tenants {
		for _, a := range t.accounts {
			if loginHint(a) == hint {
				return a
			}
		}
	}
	return nil
}

// publicHeaders are those of documents that anybody may read and cache.
func publicHeaders(h http.Header) {
	h.Set("Cache-Control", "max-age=86400, private")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, OPTIONS")
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("x-ms-request-id", newGUID())
}
