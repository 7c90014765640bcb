// Package metadata serves the discovery documents and the signing keys.
package metadata

import (
	"net/http"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/keys"
	"github.com/fibermsal/fibermsal/entratest/internal/origins"
)

// Service serves the documents.
type Service struct {
	ClientID  string
	Directory *directory.Directory
	Origins   *origins.Origins
	Keys      *keys.Ring

	TamperDiscovery, TamperKeys Tamper
}

// manyTenants is the placeholder for the tenant in the documents of an alias.
const manyTenants = "{tenantid}"

// appParameter is the query parameter with the application whose own keys are requested.
const appParameter = "appid"

// ServeKeys is the JWKS endpoint.
func (s *Service) ServeKeys(w http.ResponseWriter, r *http.Request, segment string) {
	tenants, fail := s.Directory.Resolve(segment)
	if fail != nil {
		fail.Write(w, r, s.Origins.Login)
		return
	}
	tenant := tenants[0].ID
	if directory.IsAlias(segment) {
		tenant = manyTenants
	}
	s.writeKeys(w, s.Keys.Publish(tenant, s.Origins.Issuer, s.isForApp(r)))
}

func (s *Service) isForApp(r *http.Request) bool {
	return strings.EqualFold(r.URL.Query().Get(appParameter), s.ClientID)
}

func (s *Service) writeKeys(w http.ResponseWriter, set []keys.JWK) {
	s.TamperKeys.write(w, struct {
		Keys []keys.JWK `json:"keys"`
	}{set})
}
