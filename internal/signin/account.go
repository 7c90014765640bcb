package signin

import (
	"net/url"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/idtoken"
)

// sameAccount reports whether the tokens, which MSAL files under the account of client_info,
// are those of the verified user (threat B7). A guest has another object ID in the home
// tenant, which the claim idp then names. Guests by mail code, Google or SAML have a provider
// that names no tenant, and contradicts none.
func sameAccount(c *idtoken.Claims, account authority.Account) bool {
	if strings.EqualFold(account.TenantID, c.TenantID) {
		return strings.EqualFold(account.ObjectID, c.ObjectID)
	}
	if c.IdentityProvider == "" {
		return slices.Contains(c.Unusable, "idp") // there is one, but it cannot be read
	}
	home := homeTenant(c.IdentityProvider)
	return home == "" || strings.EqualFold(home, account.TenantID)
}

// homeTenant returns the tenant that an idp claim names, or "". Only the path names it: the
// host differs from cloud to cloud, as sts.windows.net and sts.chinacloudapi.cn do.
func homeTenant(idp string) string {
	if strings.EqualFold(idp, "live.com") {
		return idtoken.ConsumersTenant
	}
	u, err := url.Parse(idp)
	if err != nil || u.Host == "" {
		return ""
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if !discovery.IsGUID(tenant) {
		return ""
	}
	return tenant
}
