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
	BleuCloud         Cloud = "bleu"          // of France
	DelosCloud        Cloud = "delos"         // of Germany
	GovSGCloud        Cloud = "gov-sg"        // of Singapore's government
)

// cloudHosts are the properties by which the clouds differ. exchange is the end of the default audience of federated
// credentials.
var cloudHosts = map[Cloud]struct{ login, graph, exchange string }{
	PublicCloud:       {"login.microsoftonline.com", "graph.microsoft.com", ""},
	USGovernmentCloud: {"login.microsoftonline.us", "graph.microsoft.us", "USGov"},
	USDoDCloud:        {"login.microsoftonline.us", "dod-graph.microsoft.us", "USGov"},
	ChinaCloud:        {"login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn", "China"},
	BleuCloud:         {"login.sovcloud-identity.fr", "graph.svc.sovcloud.fr", "France"},
	DelosCloud:        {"login.sovcloud-identity.de", "graph.svc.sovcloud.de", "Germany"},
	GovSGCloud:        {"login.sovcloud-identity.sg", "graph.svc.sovcloud.sg", "GovSG"},
}

// WithCloud makes the server one of Microsoft's clouds, with the hosts of its sign-in service and its Graph, the
// default audience of its federated credentials, and its issuer of version 1 tokens. After [Server.Listen] the
// hosts are this machine's, but scopes may still be written with the address of the cloud's Graph. Default: hosts
// that do not exist, see [WithHosts].
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
