package metadata

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/origins"
)

// instanceMetadata is the response of instance discovery. It lists the host names of each cloud.
type instanceMetadata struct {
	Endpoint   string          `json:"tenant_discovery_endpoint"`
	APIVersion string          `json:"api-version"`
	Metadata   []instanceHosts `json:"metadata"`
}

type instanceHosts struct {
	Network string   `json:"preferred_network"`
	Cache   string   `json:"preferred_cache"`
	Aliases []string `json:"aliases"`
}

// ServeInstance is /common/discovery/instance.
func (s *Service) ServeInstance(w http.ResponseWriter, r *http.Request, _ string) {
	host := origins.Host(s.Origins.Login)
	about, err := url.Parse(r.URL.Query().Get("authorization_endpoint"))
	if err != nil || (about.Host != host && about.Host != origins.Host(s.Origins.Browser)) {
		aadsts.New(50049).Write(w, r, s.Origins.Login)
		return
	}
	segment, _, _ := strings.Cut(strings.TrimPrefix(about.Path, "/"), "/")
	new(Tamper).write(w, instanceMetadata{
		Endpoint:   s.Origins.Login + "/" + segment + "/v2.0/.well-known/openid-configuration",
		APIVersion: "1.1",
		Metadata:   []instanceHosts{{Network: host, Cache: host, Aliases: []string{host}}},
	})
}
