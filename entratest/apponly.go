package entratest

import (
	"slices"
	"strings"
	"time"
)

// WithAppPermissions grants the application permissions of its own, for tokens without a user
// (client_credentials): "User.Read.All" is Graph's, "api://orders/Orders.Process" another API's. They are
// the roles of its tokens. Default: none, so its tokens open nothing. Repeated use adds.
func WithAppPermissions(permissions ...string) Option {
	return func(c *settings) { c.appPermissions = append(c.appPermissions, permissions...) }
}

// checkAppPermissions makes sure that each permission is a resource's that exists.
func (c *scopeCatalogue) checkAppPermissions(permissions []string) {
	for _, permission := range permissions {
		resource, name := splitScope(permission)
		if c.resources[resource] == nil || !scopeName.MatchString(name) {
			panic("entratest: the application permission " + permission + " is malformed or of an unknown API")
		}
	}
}

// appAnswer is a successful answer to client_credentials: without scope, refresh token and ID token.
type appAnswer struct {
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	ExtExpiresIn int    `json:"ext_expires_in"`
	RefreshIn    int    `json:"refresh_in,omitempty"`
	AccessToken  string `json:"access_token"`
}

// grantApp issues a token of the application itself.
func (s *Server) grantApp(call *tokenCall) (*appAnswer, *aadError) {
	if isAlias(call.segment) || call.tenants[0].id == consumerTenant {
		return nil, aad(9001023, call.grant)
	}
	resource, fail := s.scopes.appResource(call.form.Get("scope"))
	if fail != nil {
		return nil, fail
	}
	var roles []string
	for _, permission := range s.settings.appPermissions {
		if owner, name := splitScope(permission); owner == resource {
			roles = append(roles, name)
		}
	}
	slices.Sort(roles)
	s.mu.Lock()
	defer s.mu.Unlock()
	lifetime := int(s.tokenLifetime / time.Second)
	return &appAnswer{
		TokenType: "Bearer", ExpiresIn: lifetime, ExtExpiresIn: lifetime, RefreshIn: int(s.settings.refreshIn / time.Second),
		AccessToken: s.issueAccessToken(&accessToken{
			tenant: call.tenants[0], resource: resource, names: roles, azpacr: call.azpacr(), cae: call.claims.capable(),
		}),
	}, nil
}

// appResource reads the scope of client_credentials: one resource's .default. The OpenID Connect scopes that
// MSAL appends to every request are passed over.
func (c *scopeCatalogue) appResource(raw string) (string, *aadError) {
	asked := slices.DeleteFunc(strings.Fields(raw), func(one string) bool { return slices.Contains(oidcScopes, one) })
	switch {
	case len(asked) == 0:
		return "", aad(900144, "scope")
	case len(asked) > 1 || !strings.HasSuffix(asked[0], "/"+everything):
		return "", aad(1002012, raw)
	}
	sc, fail := c.parseOne(asked[0])
	return sc.resource, fail
}
