package authority

import (
	"context"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/idtoken"
)

// Admits reports whether users of a tenant may sign in, by the rules of the ID token verifier. It is
// used for existing sessions, because the configuration may have changed since the sign-in. While the
// tenant of the authority is not known, users of any tenant are admitted, because their ID tokens have
// been verified.
func (c *Client) Admits(tenant string) bool {
	switch {
	case len(c.AllowedTenants) > 0:
		return slices.Contains(c.AllowedTenants, tenant)
	case c.AnyTenant:
		return c.Personal || tenant != idtoken.ConsumersTenant
	}
	only, ok := c.knownTenant()
	return !ok || only == tenant
}

// IsOwn reports whether a tenant is that of the authority, as far as is known without calling Entra.
// The authority may contain the domain name of its tenant.
func (c *Client) IsOwn(tenant string) bool {
	if strings.EqualFold(tenant, c.Authority[strings.LastIndexByte(c.Authority, '/')+1:]) {
		return true
	}
	known := c.tenant.Load()
	return known != nil && strings.EqualFold(tenant, *known)
}

// knownTenant returns the tenant of the authority if it is known without calling Entra. The tenant of a
// domain name is looked up in the background the first time, because Entra may be down and requests
// must not wait for it.
func (c *Client) knownTenant() (tenant string, ok bool) {
	if c.Tenant != "" {
		return c.Tenant, true
	}
	if tenant := c.tenant.Load(); tenant != nil {
		return *tenant, true
	}
	if c.learning.CompareAndSwap(false, true) {
		c.Background.Go("learning the tenant", func() {
			defer c.learning.Store(false)
			ctx, cancel := context.WithTimeout(context.Background(), CallTimeout)
			defer cancel()
			_, _ = c.Tenants(ctx) // if this fails, the next session retries
		})
	}
	return "", false
}

// Tenants returns the tenants whose users may sign in, as far as they can be listed.
func (c *Client) Tenants(ctx context.Context) ([]string, error) {
	if len(c.AllowedTenants) > 0 || c.AnyTenant {
		return c.AllowedTenants, nil
	}
	if c.Tenant != "" {
		return []string{c.Tenant}, nil
	}
	if tenant := c.tenant.Load(); tenant != nil {
		return []string{*tenant}, nil
	}
	m, err := c.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	tenant := m.Tenant()
	c.tenant.Store(&tenant) // the tenant of a domain does not change
	return []string{tenant}, nil
}
