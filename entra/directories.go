package entra

import (
	"strings"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/discovery"
)

// otherDirectory returns the field that names a directory of an unsupported kind, and what is wrong
// with it. Without this check, the first user's sign-in would fail, and MSAL would use another protocol
// for an authority whose path begins with adfs or dstsv2.
func (cfg Config[C]) otherDirectory() (field, problem string) {
	if cfg.TenantID != "" {
		return "TenantID", otherDirectoryOf(cfg.TenantID, "/"+cfg.TenantID, true)
	}
	host := authority.HostOf(cfg.Authority)
	_, path, _ := strings.Cut(strings.TrimPrefix(cfg.Authority, "https://"), "/")
	return "Authority", otherDirectoryOf(host, "/"+path, false)
}

// otherDirectoryOf returns what is wrong with a host and a path. A TenantID may be either.
func otherDirectoryOf(host, path string, isTenant bool) string {
	host, path = strings.ToLower(host), strings.ToLower(path)
	first, _, _ := strings.Cut(strings.TrimLeft(path, "/"), "/")
	switch {
	case strings.Contains(host, ".b2clogin."), strings.Contains(path, "b2c_1"), first == "tfp":
		return "is of Azure AD B2C, which is not supported: use a tenant of Entra ID or External ID"
	case first == "adfs", first == "dstsv2":
		return "is of AD FS, which is not supported: use a tenant of Entra ID, which may be federated with it"
	case isTenant && discovery.IsExternalHost(host):
		return "is a host of External ID: set Authority to https://{name}.ciamlogin.com/{tenant} instead"
	case discovery.IsExternalHost(host) && isOfManyTenants(first):
		return "is of External ID, where each tenant has its own authority: set the tenant's GUID or domain name in place of " + first
	}
	return ""
}
