package entra

import (
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/background"
	"github.com/fibermsal/fibermsal/internal/telemetry"
)

// newAuthority returns a client for the configured authority.
func (s *settings) newAuthority(b *background.Group, t *telemetry.Telemetry) *authority.Client {
	return authority.New(authority.Options{
		Authority: s.authority, Tenant: s.tenant, AllowedTenants: s.AllowedTenants, AnyTenant: s.AnyTenantMaySignIn, Personal: s.PersonalAccountsMaySignIn,
		Audiences: s.Audiences, WithoutPermission: s.AnyClientMayCall,
		ClientID: s.ClientID, RedirectURI: s.redirectURI, Scopes: s.scopes, Credentials: s.credentials(),
		Transport: s.HTTPClient.Transport, Background: b, Log: s.Logger, Telemetry: t,
	})
}
