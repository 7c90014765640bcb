package idtoken

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/fibermsal/fibermsal/internal/rawjson"
)

var errNoClaims = errors.New("idtoken: the payload is not a JSON object")

// fields returns the fields of c, by the names of their claims.
func (c *Claims) fields() map[string]any {
	return map[string]any{
		"iss": &c.Issuer, "sub": &c.Subject, "tid": &c.TenantID, "oid": &c.ObjectID,
		"nonce": &c.Nonce, "azp": &c.AuthorizedParty, "exp": &c.Expiry, "iat": &c.IssuedAt, "nbf": &c.NotBefore,
		"name": &c.Name, "preferred_username": &c.Username, "email": &c.Email, "roles": &c.Roles,
		"sid": &c.SessionID, "login_hint": &c.LoginHint, "idp": &c.IdentityProvider, "acrs": &c.AuthContexts, "auth_time": &c.AuthTime,
		"groups": &c.Groups, "_claim_names": &c.ClaimNames, "hasgroups": &c.HasGroups, "aud": &c.Audience,
	}
}

// claimsOf decodes the claims of a payload. It matches names exactly, because encoding/json ignores
// case and would decode an "OID" that a tenant's administrator has added as the oid. If a name occurs
// twice, the last claim is decoded, as by encoding/json.
func claimsOf(payload []byte) (*Claims, error) {
	c := new(Claims)
	fields, all := c.fields(), make(map[string]json.RawMessage)
	isObject := rawjson.Object(payload, func(name, value []byte) {
		if _, known := fields[string(name)]; known {
			all[string(name)] = value
		}
	})
	if !isObject {
		return nil, errNoClaims
	}
	unusable, err := replaceUnusable(all, fields)
	if err != nil {
		return nil, err
	}
	for name, value := range all {
		if text, isText := fields[name].(*string); isText && value[0] == '"' {
			*text, _ = rawjson.Text(value)
		} else if err := json.Unmarshal(value, fields[name]); err != nil {
			return nil, err
		}
	}
	c.Unusable = unusable
	c.HasGroups = c.HasGroups || slices.Contains(unusable, "groups") // some groups could not be read
	return c, nil
}
