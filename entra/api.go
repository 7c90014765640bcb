package entra

import (
	"cmp"
	"strings"

	"github.com/fibermsal/fibermsal/internal/api"
)

// The cache of verified access tokens is this fraction of the size of the session cache, in addition to
// it. The minimum is enough for thousands of tokens.
const (
	callersShare = 8
	minCallers   = 4 << 20
)

// defaultAudience returns the App ID URI that the portal proposes.
func defaultAudience(clientID string) string { return "api://" + clientID }

// audience returns the App ID URI that the names of the API's scopes begin with, without a trailing
// slash.
func (s *settings) audience() string {
	first := ""
	if len(s.Audiences) > 0 {
		first = s.Audiences[0]
	}
	return strings.TrimSuffix(cmp.Or(first, defaultAudience(s.ClientID)), "/")
}

// ownScope returns the name of a scope of the app's own API, without the App ID URI, or false if the
// scope belongs to another resource. If several App ID URIs are a prefix of the scope, the longest one
// is used.
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

// resource returns the metadata to publish, or nil if there is none.
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

// challenger returns the contents of challenges.
func (s *settings) challenger() api.Challenger {
	c := api.Challenger{Realm: s.PublicURL, Audience: s.audience()}
	if r := s.resource(); r != nil {
		c.MetadataURL = r.MetadataURL(s.PublicURL, s.BasePath)
	}
	return c
}
