package web

import (
	"encoding/json"
	"net/http"
	"strings"
)

// Resource describes the app's API in its protected resource metadata (RFC 9728).
type Resource struct {
	// ID is an App ID URI of the registration: Entra refuses a resource parameter that is none
	// (AADSTS9010010).
	ID            string
	Scopes        []string // with their resource
	Name          string
	Documentation string
}

// metadataPath is where the metadata is, with or without the path of the resource behind it.
const metadataPath = "/.well-known/oauth-protected-resource"

// metadataURL returns the address of the metadata.
func (s *Site) metadataURL() string { return s.Origin + s.BasePath + metadataPath }

// protectedResource is the metadata.
type protectedResource struct {
	Resource      string   `json:"resource"`
	Servers       []string `json:"authorization_servers"`
	Scopes        []string `json:"scopes_supported,omitempty"`
	Methods       []string `json:"bearer_methods_supported"`
	Name          string   `json:"resource_name,omitempty"`
	Documentation string   `json:"resource_documentation,omitempty"`
}

// ResourceMetadata answers a request for the metadata, or returns nil for another one. Everybody may
// read it, pages of other origins too.
func (v *Visit) ResourceMetadata() *Response {
	s := v.Site
	if s.Resource == nil {
		return nil
	}
	in := v.Exchange.Request()
	path := strings.TrimPrefix(in.Path, s.BasePath) // if the proxy keeps it
	below, ok := strings.CutPrefix(path, metadataPath)
	if !ok || below != "" && below != s.resourcePath() {
		return nil
	}
	out := newResponse()
	out.Header.Set("Access-Control-Allow-Origin", "*")
	switch in.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions: // clients send a header with the version of their protocol
		out.Status = http.StatusNoContent
		out.Header.Set("Access-Control-Allow-Methods", "GET")
		out.Header.Set("Access-Control-Allow-Headers", "*")
		return out
	default:
		out.Status = http.StatusMethodNotAllowed
		out.Header.Set("Allow", "GET, HEAD, OPTIONS")
		return out
	}
	body, err := json.Marshal(protectedResource{
		Resource: s.Resource.ID, Servers: []string{s.Authority.Authority + "/v2.0"}, Scopes: s.Resource.Scopes,
		Methods: []string{"header"}, Name: s.Resource.Name, Documentation: s.Resource.Documentation,
	})
	if err != nil {
		panic(err) // texts
	}
	out.Header.Set("Content-Type", "application/json")
	out.Header.Set("Cache-Control", "public, max-age=3600")
	out.Body = body
	return out
}

// resourcePath returns the path of the resource, which clients put behind that of the metadata.
func (s *Site) resourcePath() string {
	_, path, _ := strings.Cut(strings.TrimPrefix(s.Resource.ID, "https://"), "/")
	if path == "" || !strings.HasPrefix(s.Resource.ID, "https://") {
		return "\x00" // no path
	}
	return "/" + path
}
