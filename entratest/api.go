package entratest

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// API is another protected API than Graph, for [WithAPI].
type API struct {
	// URI is the application ID URI that scopes begin with: "api://orders", "https://other.example".
	URI string
	// Audience is the aud claim of its tokens. Default: the GUID of a URI api://<GUID>, which is what Entra
	// writes into v2.0 tokens, and otherwise URI.
	Audience string
	// Scopes are its delegated permissions: "access_as_user". URI/.default stands for all of them.
	Scopes []string
}

// WithAPI registers further APIs. Their access tokens are JWTs (v2.0) signed with the published keys, so that
// a resource server can verify them; Graph refuses them. Default: none but those of [WithScopes]. Repeated
// use adds.
func WithAPI(apis ...API) Option {
	return func(c *settings) { c.apis = append(c.apis, apis...) }
}

func (a API) audience() string {
	if id, ok := strings.CutPrefix(a.URI, "api://"); ok && a.Audience == "" && guid.MatchString(id) {
		return id
	}
	if a.Audience == "" {
		return a.URI
	}
	return a.Audience
}

func checkAPIs(apis []API) error {
	for _, api := range apis {
		if !strings.Contains(api.URI, "://") || strings.HasSuffix(api.URI, "/") || strings.HasPrefix(api.URI, graphResource) {
			return fmt.Errorf("the API URI %q is not one of another API, without a slash at its end", api.URI)
		}
		for _, name := range api.Scopes {
			if !scopeName.MatchString(name) {
				return fmt.Errorf("the scope %q of %s is malformed", name, api.URI)
			}
		}
	}
	return nil
}

// encodeAccessToken writes the token: a JWT that its API can verify, or for Graph an opaque text, which is
// how a client has to take it anyway. The caller holds s.mu.
func (s *Server) encodeAccessToken(t *accessToken) string {
	if t.resource == graphResource {
		return accessMark + randomText(1500)
	}
	key := s.keys.active()
	header := map[string]any{"typ": "JWT", "alg": "RS256", "kid": key.kid}
	input := encodeSegment(header) + "." + encodeSegment(s.accessClaims(t))
	return input + "." + base64.RawURLEncoding.EncodeToString(key.signRS256([]byte(input)))
}

// accessClaims are those of a v2.0 access token: access-token-claims-reference.md of the identity platform's
// documentation.
func (s *Server) accessClaims(t *accessToken) map[string]any {
	now := time.Now().Unix()
	c := map[string]any{
		"ver": "2.0", "iss": s.issuer(t.tenant.id), "tid": t.tenant.id, "aud": s.scopes.audiences[t.resource],
		"iat": now, "nbf": now, "exp": t.expires.Unix(),
		"azp": s.ClientID, "azpacr": t.azpacr,
		"aio": randomText(64), "rh": "1." + randomText(40) + ".", "uti": randomText(22),
	}
	if t.cae {
		c["xms_cc"] = []string{"cp1"}
	}
	if t.account == nil {
		id := guidOf("service principal", t.tenant.id, s.ClientID)
		c["idtyp"], c["oid"], c["sub"] = "app", id, id
		if len(t.names) > 0 {
			c["roles"] = t.names
		}
		return c
	}
	c["scp"] = strings.Join(t.names, " ")
	c["oid"], c["sub"] = t.account.ID, pairwise(t.account, s.scopes.audiences[t.resource])
	c["name"], c["preferred_username"], c["sid"] = t.account.DisplayName, t.account.UPN, t.sid
	if len(t.acrs) > 0 {
		c["acrs"] = t.acrs
	}
	return c
}
