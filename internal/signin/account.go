package signin

import (
	"net/url"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/idtoken"
)

// sameAccount reports whether the account in client_info, under which MSAL stores the tokens, is that
// of the verified user (threat B7). A guest has another object ID in the home tenant, which the claim
// idp identifies. For guests with a mail code, Google or SAML, the provider in idp identifies no
// tenant, so any is accepted.
func sameAccount(c *idtoken.Claims, account authority.Account) bool {
	if strings.EqualFold(account.TenantID, c.TenantID) {
		return strings.EqualFold(account.ObjectID, c.ObjectID)
	}
	if c.IdentityProvider == "" {
		return slices.Contains(c.Unusable, "idp") // the claim exists but cannot be read
	}
	home := homeTenant(c.IdentityProvider)
	return home == "" || strings.EqualFold(home, account.TenantID)
}

// homeTenant returns the tenant in an idp claim, or "". It reads only the path, because the host
// depends on the cloud, such as sts.windows.net and sts.chinacloudapi.cn.
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
