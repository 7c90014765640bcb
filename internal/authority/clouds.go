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
	BleuCloud         Cloud = "bleu"          // operated in France
	DelosCloud        Cloud = "delos"         // operated in Germany
	GovSGCloud        Cloud = "gov-sg"        // for the government of Singapore
)

// Hosts are the hosts of a cloud's sign-in service and Graph.
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

// Hosts returns the hosts of a cloud, or false if the cloud does not exist.
func (c Cloud) Hosts() (h Hosts, ok bool) {
	h, ok = clouds[c]
	return h, ok
}

// AllHosts returns the hosts of all clouds, in a fixed order.
func AllHosts() []Hosts {
	return slices.SortedFunc(maps.Values(clouds), func(a, b Hosts) int { return strings.Compare(a.Graph, b.Graph) })
}

// CloudOf returns the cloud of an authority. An authority with an unknown host is a proxy, an emulator
// or an External ID tenant, and counts as public cloud. The two US clouds share a login host, so the
// result is never the DoD cloud.
func CloudOf(authority string) Cloud {
	for _, cloud := range []Cloud{USGovernmentCloud, ChinaCloud, BleuCloud, DelosCloud, GovSGCloud} {
		if strings.EqualFold(HostOf(authority), clouds[cloud].Login) {
			return cloud
		}
	}
	return PublicCloud
}

// Contains reports whether an authority is in the cloud, by its host.
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
		return "api://AzureADTokenExchangeGovSG" // as in Azure's SDKs; not documented
	case PublicCloud:
	}
	return "api://AzureADTokenExchange"
}

// HostOf returns the host and port of a URL, or "".
func HostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
