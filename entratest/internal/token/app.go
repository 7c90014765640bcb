package token

import (
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/issuer"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
)

// appAnswer is a successful response to client_credentials. It has no scope, refresh token or ID token.
type appAnswer struct {
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	ExtExpiresIn int    `json:"ext_expires_in"`
	RefreshIn    int    `json:"refresh_in,omitempty"`
	AccessToken  string `json:"access_token"`
}

// issueToApp issues a token of the application itself.
func (e *Endpoint) issueToApp(c *call) (*appAnswer, *aadsts.Error) {
	if directory.IsAlias(c.segment) || c.tenants[0].ID == directory.Consumers {
		return nil, aadsts.New(9001023, c.grantType)
	}
	resource, fail := e.Scopes.ParseApp(c.form.Get("scope"))
	if fail != nil {
		return nil, fail
	}
	token, lifetime := e.Issuer.AccessToken(&issuer.AccessToken{
		Tenant: c.tenants[0], Resource: resource, Names: scopes.RolesOf(e.App.Permissions, resource),
		AZPACR: c.azpacr(), CAE: c.claims.Capable(),
	})
	seconds := int(lifetime / time.Second)
	return &appAnswer{
		TokenType: "Bearer", ExpiresIn: seconds, ExtExpiresIn: seconds, RefreshIn: int(e.RefreshIn / time.Second),
		AccessToken: token,
	}, nil
}
