package metadata

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
)

// configurationV1 is the discovery document of version 1, which APIs use to verify tokens of that
// version. It does not contain the endpoints of version 1, because the emulator does not have them.
type configurationV1 struct {
	KeysURI      string   `json:"jwks_uri"`
	SubjectTypes []string `json:"subject_types_supported"`
	SigningAlgs  []string `json:"id_token_signing_alg_values_supported"`
	Issuer       string   `json:"issuer"`
	Region       *string  `json:"tenant_region_scope"`
}

// ServeDiscoveryV1 is /{tenant}/.well-known/openid-configuration.
func (s *Service) ServeDiscoveryV1(w http.ResponseWriter, r *http.Request, segment string) {
	tenants, fail := s.Directory.Resolve(segment)
	if fail != nil {
		fail.As("invalid_tenant").Write(w, r, s.Origins.Login)
		return
	}
	name, tenant, region := tenants[0].ID, tenants[0].ID, &theRegion
	if directory.IsAlias(segment) {
		name, tenant, region = strings.ToLower(segment), manyTenants, nil
	}
	document := configurationV1{
		KeysURI:      s.Origins.Login + "/" + name + "/discovery/keys",
		SubjectTypes: []string{"pairwise"}, SigningAlgs: []string{"RS256"},
		Issuer: s.Origins.IssuerV1(tenant), Region: region,
	}
	if app := r.URL.Query().Get(appParameter); app != "" {
		document.KeysURI += "?" + url.Values{appParameter: {app}}.Encode()
	}
	s.TamperDiscovery.write(w, document)
}

// ServeKeysV1 is the JWKS endpoint of version 1. entra: its keys name no issuer.
func (s *Service) ServeKeysV1(w http.ResponseWriter, r *http.Request, segment string) {
	if _, fail := s.Directory.Resolve(segment); fail != nil {
		fail.Write(w, r, s.Origins.Login)
		return
	}
	s.writeKeys(w, s.Keys.PublishV1(s.isForApp(r)))
}
