package entra

import (
	"cmp"
	"strings"

	"github.com/fibermsal/fibermsal/internal/web"
)

// APIMetadata is what an app publishes about its API, by which clients that only know its address, such
// as those of the Model Context Protocol, find Entra and the scopes to request (RFC 9728).
type APIMetadata struct {
	// Scopes are those that clients may request, such as access_as_user. Entra needs at least one.
	Scopes []string
	// Name is shown to users.
	Name string
	// Documentation is the address of a page for developers.
	Documentation string
}

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

// ownScope returns the name of a scope of the app's own API, or false for one of another resource.
func (s *settings) ownScope(scope string) (name string, own bool) {
	if !strings.Contains(scope, "/") {
		return scope, true
	}
	for _, uri := range append([]string{defaultAudience(s.ClientID), s.ClientID}, s.Audiences...) {
		if name, own = strings.CutPrefix(scope, strings.TrimSuffix(uri, "/")+"/"); own {
			return name, true
		}
	}
	return "", false
}

// resource returns the metadata to publish, or nil.
func (s *settings) resource() *web.Resource {
	if s.APIMetadata == nil {
		return nil
	}
	r := &web.Resource{ID: s.audience(), Name: s.APIMetadata.Name, Documentation: s.APIMetadata.Documentation}
	for _, scope := range s.APIMetadata.Scopes {
		if !strings.Contains(scope, "/") {
			scope = r.ID + "/" + scope
		}
		r.Scopes = append(r.Scopes, scope)
	}
	return r
}
