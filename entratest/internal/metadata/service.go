// Package metadata serves the documents by which clients find their way: discovery and signing keys.
package metadata

import (
	"net/http"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/keys"
	"github.com/fibermsal/fibermsal/entratest/internal/origins"
)

// Service serves the documents.
type Service struct {
	Directory *directory.Directory
	Origins   *origins.Origins
	Keys      *keys.Ring
}

// manyTenants stands for the tenant in the documents of an alias.
const manyTenants = "{tenantid}"

func write(w http.ResponseWriter, document any) {
	aadsts.PublicHeaders(w.Header())
	aadsts.WriteJSON(w, http.StatusOK, document)
}

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
	write(w, struct {
		Keys []keys.JWK `json:"keys"`
	}{s.Keys.Publish(tenant, s.Origins.Issuer)})
}
