package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

// MetadataPath is the path of the metadata of a resource. The path of the resource may follow it.
const MetadataPath = "/.well-known/oauth-protected-resource"

// Resource is an API that publishes its metadata (RFC 9728).
type Resource struct {
	// ID is an App ID URI of the registration, because Entra refuses any other value of the resource
	// parameter (AADSTS9010010).
	ID     string   `json:"resource"`
	Issuer []string `json:"authorization_servers"`
	Scopes []string `json:"scopes_supported,omitempty"` // with the App ID URI
	// Methods are the ways in which tokens can be sent.
	Methods       []string `json:"bearer_methods_supported"`
	Name          string   `json:"resource_name,omitempty"`
	Documentation string   `json:"resource_documentation,omitempty"`
}

// IsMetadata reports whether a path is that of the metadata. Clients keep a trailing slash of the
// resource's URL, so it is accepted.
func (r *Resource) IsMetadata(path []byte) bool {
	below, ok := bytes.CutPrefix(bytes.TrimSuffix(path, []byte("/")), []byte(MetadataPath))
	return ok && (len(below) == 0 || string(below) == r.path())
}

// MetadataURL returns the URL of the metadata, given the app's origin and base path. It is the URL that
// follows from the resource (RFC 9728 section 3.1), if that URL leads to the app. With a base path it
// does not, because proxies forward only requests below the base path.
func (r *Resource) MetadataURL(origin, basePath string) string {
	address := origin + basePath + MetadataPath
	if basePath == "" && strings.HasPrefix(r.ID, origin+"/") {
		address += r.path()
	}
	return address
}

// path returns the path of the resource, which clients append to the path of the metadata. It is empty
// if the resource is not an http or https URL.
func (r *Resource) path() string {
	scheme, address, _ := strings.Cut(r.ID, "://")
	_, path, _ := strings.Cut(address, "/")
	if scheme != "https" && scheme != "http" || path == "" {
		return ""
	}
	return "/" + path
}

// Answer returns the status, the header and the body of the response for a method. The metadata is
// public, also for pages of other origins.
func (r *Resource) Answer(method string) (status int, header http.Header, body []byte) {
	header = http.Header{"Access-Control-Allow-Origin": {"*"}}
	switch method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions: // clients send a custom header with the version of their protocol
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
