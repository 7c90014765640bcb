package fibermsal

import (
	"net/url"
	"strings"
)

// Cloud is one of Microsoft's clouds, which have their own directories, hosts and
// data.
type Cloud string

// The clouds.
const (
	PublicCloud       Cloud = "public"
	USGovernmentCloud Cloud = "us-government" // GCC High, L4
	USDoDCloud        Cloud = "us-dod"        // L5
	ChinaCloud        Cloud = "china"         // operated by 21Vianet
)

// hosts of a cloud.
type hosts struct{ login, graph string }

var clouds = map[Cloud]hosts{
	PublicCloud:       {"login.microsoftonline.com", "graph.microsoft.com"},
	USGovernmentCloud: {"login.microsoftonline.us", "graph.microsoft.us"},
	USDoDCloud:        {"login.microsoftonline.us", "dod-graph.microsoft.us"},
	ChinaCloud:        {"login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn"},
}

// hostsOf are those of the configured cloud, or of the one that the authority is in. An
// authority that is in none has the public Graph: it is a proxy or an emulator, and
// names its own in GraphURL.
func hostsOf(cloud Cloud, authority string) hosts {
	if cloud != "" {
		return clouds[cloud]
	}
	if u, err := url.Parse(authority); err == nil {
		for _, candidate := range []Cloud{USGovernmentCloud, ChinaCloud} {
			if strings.EqualFold(u.Host, clouds[candidate].login) {
				return clouds[candidate]
			}
		}
	}
	return clouds[PublicCloud]
}

// AdminConsentURL is where an administrator of a tenant, a GUID or a domain, consents
// to Config.Scopes for all its users. Entra then sends the browser to redirectURI,
// which must be registered, with admin_consent=True and tenant, or error. Who comes
// back there has proven nothing: the tenant in the URL is anybody's to write.
//
// It returns a [*ConfigError] if one of the two is not what it should be.
func (a *Auth) AdminConsentURL(tenant, redirectURI string) (string, error) {
	if !tenantName.MatchString(tenant) {
		return "", &ConfigError{Field: "TenantID", Problem: "is neither a GUID nor a domain name"}
	}
	if _, err := secureURL(redirectURI); err != nil {
		return "", &ConfigError{Field: "PublicURL", Problem: "of the way back " + err.Error()}
	}
	u := url.URL{Scheme: "https", Host: hostOf(a.cfg.authority), Path: "/" + tenant + "/v2.0/adminconsent"}
	u.RawQuery = url.Values{
		"client_id":    {a.cfg.ClientID},
		"redirect_uri": {redirectURI},
		"scope":        {strings.Join(a.fullScopes(), " ")},
	}.Encode()
	return u.String(), nil
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
