package entra

import (
	"cmp"
	"strings"

	"github.com/fibermsal/fibermsal/internal/api"
)

// Verified access tokens are remembered in a share of the memory of sessions, besides it. It is enough
// for thousands of them in any case.
const (
	callersShare = 8
	minCallers   = 4 << 20
)

// defaultAudience returns the App ID URI that the portal proposes.
func defaultAudience(clientID string) string { return "api://" + clientID }

// audience returns the App ID URI by which the API's scopes are named, without a slash at the end.
func (s *settings) audience() string {
	first := ""
	if len(s.Audiences) > 0 {
		first = s.Audiences[0]
	}
	return strings.TrimSuffix(cmp.Or(first, defaultAudience(s.ClientID)), "/")
}

// ownScope returns the name of a scope of the app's own API, or false for one of another resource. It belongs
// to the longest App ID URI that it begins with.
func (s *settings) ownScope(scope string) (name string, own bool) {
	if !strings.Contains(scope, "/") {
		return scope, true
	}
	for _, uri := range append([]string{defaultAudience(s.ClientID), s.ClientID}, s.Audiences...) {
		below, found := strings.CutPrefix(scope, strings.TrimSuffix(uri, "/")+"/")
		if found && (!own || len(below) < len(name)) {
			name, own = below, true
		}
	}
	return name, own
}

// resource returns the metadata to publish, or nil.
func (s *settings) resource() *api.Resource {
	if s.APIMetadata == nil {
		return nil
	}
	r := &api.Resource{
		ID: s.audience(), Issuer: []string{s.authority + "/v2.0"}, Methods: []string{"header"},
		Name: s.APIMetadata.Name, Documentation: s.APIMetadata.Documentation,
	}
	for _, scope := range s.APIMetadata.Scopes {
		if !strings.Contains(scope, "/") {
			scope = r.ID + "/" + scope
		}
		r.Scopes = append(r.Scopes, scope)
	}
	return r
}

// challenger returns what challenges say.
func (s *settings) challenger() api.Challenger {
	c := api.Challenger{Realm: s.PublicURL, Audience: s.audience()}
	if r := s.resource(); r != nil {
		c.MetadataURL = r.MetadataURL(s.PublicURL, s.BasePath)
	}
	return c
}
