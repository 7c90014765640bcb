package authority

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Cloud is one of Microsoft's clouds, which have separate directories, hosts and data.
type Cloud string

// The clouds.
const (
	PublicCloud       Cloud = "public"
	USGovernmentCloud Cloud = "us-government" // GCC High, L4
	USDoDCloud        Cloud = "us-dod"        // L5
	ChinaCloud        Cloud = "china"         // operated by 21Vianet
	BleuCloud         Cloud = "bleu"          // of France
	DelosCloud        Cloud = "delos"         // of Germany
	GovSGCloud        Cloud = "gov-sg"        // of Singapore's government
)

// Hosts are the hosts of a cloud's login pages and of its Graph.
type Hosts struct{ Login, Graph string }

var clouds = map[Cloud]Hosts{
	PublicCloud:       {"login.microsoftonline.com", "graph.microsoft.com"},
	USGovernmentCloud: {"login.microsoftonline.us", "graph.microsoft.us"},
	USDoDCloud:        {"login.microsoftonline.us", "dod-graph.microsoft.us"},
	ChinaCloud:        {"login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn"},
	BleuCloud:         {"login.sovcloud-identity.fr", "graph.svc.sovcloud.fr"},
	DelosCloud:        {"login.sovcloud-identity.de", "graph.svc.sovcloud.de"},
	GovSGCloud:        {"login.sovcloud-identity.sg", "graph.svc.sovcloud.sg"},
}

// Hosts returns the hosts of a cloud that exists.
func (c Cloud) Hosts() (h Hosts, ok bool) {
	h, ok = clouds[c]
	return h, ok
}

// AllHosts returns the hosts of all clouds, in a fixed order.
func AllHosts() []Hosts {
	return slices.SortedFunc(maps.Values(clouds), func(a, b Hosts) int { return strings.Compare(a.Graph, b.Graph) })
}

// CloudOf returns the cloud that an authority is in. An authority in none of them is a proxy,
// an emulator or of External ID, and belongs to the public cloud. The two US clouds share a login host, so the
// DoD cloud is never the result.
func CloudOf(authority string) Cloud {
	for _, cloud := range []Cloud{USGovernmentCloud, ChinaCloud, BleuCloud, DelosCloud, GovSGCloud} {
		if strings.EqualFold(HostOf(authority), clouds[cloud].Login) {
			return cloud
		}
	}
	return PublicCloud
}

// Contains reports whether an authority is in the cloud, as CloudOf finds it.
func (c Cloud) Contains(authority string) bool {
	own, _ := c.Hosts()
	found, _ := CloudOf(authority).Hosts()
	return own.Login == found.Login
}

// tokenExchangeAudience is the audience that Entra requires of federated credentials.
func (c Cloud) tokenExchangeAudience() string {
	switch c {
	case USGovernmentCloud, USDoDCloud:
		return "api://AzureADTokenExchangeUSGov"
	case ChinaCloud:
		return "api://AzureADTokenExchangeChina"
	case BleuCloud:
		return "api://AzureADTokenExchangeFrance"
	case DelosCloud:
		return "api://AzureADTokenExchangeGermany"
	case GovSGCloud:
		return "api://AzureADTokenExchangeGovSG" // as Azure's SDKs have it; not documented
	case PublicCloud:
	}
	return "api://AzureADTokenExchange"
}

// HostOf returns the host with the port of a URL, or "".
func HostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
