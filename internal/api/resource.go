package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

// MetadataPath is where the metadata of a resource is, with or without the path of the resource behind
// it.
const MetadataPath = "/.well-known/oauth-protected-resource"

// Resource is an API that publishes its metadata (RFC 9728).
type Resource struct {
	// ID is an App ID URI of the registration: Entra refuses a resource parameter that is none
	// (AADSTS9010010).
	ID     string   `json:"resource"`
	Issuer []string `json:"authorization_servers"`
	Scopes []string `json:"scopes_supported,omitempty"` // with their resource
	// Methods are how tokens are sent.
	Methods       []string `json:"bearer_methods_supported"`
	Name          string   `json:"resource_name,omitempty"`
	Documentation string   `json:"resource_documentation,omitempty"`
}

// IsMetadata reports whether a path is that of the metadata. Clients of an address with a slash at its end
// keep that.
func (r *Resource) IsMetadata(path []byte) bool {
	below, ok := bytes.CutPrefix(bytes.TrimSuffix(path, []byte("/")), []byte(MetadataPath))
	return ok && (len(below) == 0 || string(below) == r.path())
}

// MetadataURL returns the address of the metadata of an app that browsers reach at an address, its origin
// and base path. It is the one that follows from the resource (RFC 9728 section 3.1) if that leads to the
// app: below a base path it would not, because proxies forward that path only.
func (r *Resource) MetadataURL(origin, basePath string) string {
	address := origin + basePath + MetadataPath
	if basePath == "" && strings.HasPrefix(r.ID, origin+"/") {
		address += r.path()
	}
	return address
}

// path returns the path of the resource, which clients put behind that of the metadata. A resource that is
// no address of the web has none.
func (r *Resource) path() string {
	scheme, address, _ := strings.Cut(r.ID, "://")
	_, path, _ := strings.Cut(address, "/")
	if scheme != "https" && scheme != "http" || path == "" {
		return ""
	}
	return "/" + path
}

// Answer returns the status, the header and the body for a method. Everybody may read the metadata, pages
// of other origins too.
func (r *Resource) Answer(method string) (status int, header http.Header, body []byte) {
	header = http.Header{"Access-Control-Allow-Origin": {"*"}}
	switch method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions: // clients send a header with the version of their protocol
		header.Set("Access-Control-Allow-Methods", http.MethodGet)
		header.Set("Access-Control-Allow-Headers", "*")
		return http.StatusNoContent, header, nil
	default:
		header.Set("Allow", "GET, HEAD, OPTIONS")
		return http.StatusMethodNotAllowed, header, nil
	}
	body, err := json.Marshal(r)
	if err != nil {
		panic(err) // texts
	}
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "public, max-age=3600")
	return http.StatusOK, header, body
}
