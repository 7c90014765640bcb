package entratest

import "fmt"

// Cloud is one of Microsoft's clouds, for [WithCloud].
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

// cloudHosts are the properties in which the clouds differ. exchange is the suffix of the default
// audience of federated credentials.
var cloudHosts = map[Cloud]struct{ login, graph, exchange string }{
	PublicCloud:       {"login.microsoftonline.com", "graph.microsoft.com", ""},
	USGovernmentCloud: {"login.microsoftonline.us", "graph.microsoft.us", "USGov"},
	USDoDCloud:        {"login.microsoftonline.us", "dod-graph.microsoft.us", "USGov"},
	ChinaCloud:        {"login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn", "China"},
	BleuCloud:         {"login.sovcloud-identity.fr", "graph.svc.sovcloud.fr", "France"},
	DelosCloud:        {"login.sovcloud-identity.de", "graph.svc.sovcloud.de", "Germany"},
	GovSGCloud:        {"login.sovcloud-identity.sg", "graph.svc.sovcloud.sg", "GovSG"},
}

// WithCloud makes the server emulate one of Microsoft's clouds, with the cloud's hosts for sign-in and
// Graph, default audience of federated credentials, and issuer of version 1 tokens. After
// [Server.Listen] the hosts are on this machine, but scopes may still be written with the URL of the
// cloud's Graph. Default: hosts that do not exist, see [WithHosts].
func WithCloud(cloud Cloud) Option {
	return func(c *settings) {
		hosts, ok := cloudHosts[cloud]
		if !ok {
			c.wrong = fmt.Errorf("there is no cloud %q", cloud)
			return
		}
		c.loginHost, c.graphHost, c.exchange = hosts.login, hosts.graph, hosts.exchange
	}
}
