package entratest

import (
	"net/http"
	"net/url"
	"strings"
)

// tenantsOf resolves a tenant segment of a URL: a GUID, a domain, or one of the aliases.
func (s *Server) tenantsOf(segment string) ([]*tenant, *aadError) {
	name := strings.ToLower(segment)
	switch name {
	case "common":
		return s.directory.tenants, nil
	case "organizations":
		return s.directory.except(consumerTenant), nil
	case "consumers":
		name = consumerTenant
	}
	for _, t := range s.directory.tenants {
		if t.id == name || t.domains[name] {
			return []*tenant{t}, nil
		}
	}
	switch {
	case name == consumerTenant:
		return nil, aad(9002346, s.ClientID)
	case guid.MatchString(name), strings.Contains(name, "."):
		return nil, aad(90002, segment)
	default:
		return nil, aad(900023, segment)
	}
}

func (d *directory) except(id string) []*tenant {
	var rest []*tenant
	for _, t := range d.tenants {
		if t.id != id {
			rest = append(rest, t)
		}
	}
	return rest
}

// isAlias tells whether the segment stands for many tenants, so that documents have a placeholder.
func isAlias(segment string) bool {
	name := strings.ToLower(segment)
	return name == "common" || name == "organizations"
}

// configuration is the OpenID Connect discovery document. It names what the emulator serves; Entra's has
// the device, Kerberos and userinfo endpoints too. entra: no code_challenge_methods_supported, even though
// PKCE works.
type configuration struct {
	TokenEndpoint         string   `json:"token_endpoint"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	KeysURI               string   `json:"jwks_uri"`
	ResponseModes         []string `json:"response_modes_supported"`
	SubjectTypes          []string `json:"subject_types_supported"`
	SigningAlgs           []string `json:"id_token_signing_alg_values_supported"`
	ResponseTypes         []string `json:"response_types_supported"`
	Scopes                []string `json:"scopes_supported"`
	Issuer                string   `json:"issuer"`
	RequestURI            bool     `json:"request_uri_parameter_supported"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	LogoutSupported       bool     `json:"http_logout_supported"`
	FrontChannelLogout    bool     `json:"frontchannel_logout_supported"`
	EndSessionEndpoint    string   `json:"end_session_endpoint"`
	Claims                []string `json:"claims_supported"`
	Region                *string  `json:"tenant_region_scope"`
	CloudInstance         string   `json:"cloud_instance_name"`
	CloudGraphHost        string   `json:"cloud_graph_host_name"`
	GraphHost             string   `json:"msgraph_host"`
	RBACURL               string   `json:"rbac_url"`
}

// serveDiscovery is /{tenant}/v2.0/.well-known/openid-configuration.
func (s *Server) serveDiscovery(w http.ResponseWriter, r *http.Request, segment string) {
	tenants, fail := s.tenantsOf(segment)
	if fail != nil {
		s.writeError(w, r, fail.as("invalid_tenant"))
		return
	}
	name, issuer, region := tenants[0].id, s.issuer(tenants[0].id), "EU"
	doc := configuration{Region: &region}
	if isAlias(segment) { // entra: the issuer of a token still has the real tenant's id
		name, issuer, doc.Region = strings.ToLower(segment), s.issuer("{tenantid}"), nil
	}
	doc.TokenEndpoint = s.login + "/" + name + "/oauth2/v2.0/token"
	doc.TokenAuthMethods = []string{"client_secret_post", "private_key_jwt"}
	doc.KeysURI = s.login + "/" + name + "/discovery/v2.0/keys"
	doc.ResponseModes = []string{"query", "fragment", "form_post"}
	doc.SubjectTypes = []string{"pairwise"}
	doc.SigningAlgs = []string{"RS256"}
	doc.ResponseTypes = []string{"code"}
	doc.Scopes = []string{"openid", "profile", "email", "offline_access"}
	doc.Issuer = issuer
	doc.AuthorizationEndpoint = s.browser + "/" + name + "/oauth2/v2.0/authorize"
	doc.LogoutSupported, doc.FrontChannelLogout = true, true
	doc.EndSessionEndpoint = s.browser + "/" + name + "/oauth2/v2.0/logout"
	doc.Claims = []string{
		"sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username",
		"name", "tid", "ver", "at_hash", "c_hash", "email",
	}
	doc.CloudInstance = hostOf(s.login)
	doc.CloudGraphHost = hostOf(s.graph)
	doc.GraphHost = hostOf(s.graph)
	doc.RBACURL = "https://pas.windows.net"
	publicHeaders(w.Header())
	writeJSON(w, http.StatusOK, doc)
}

func hostOf(origin string) string {
	_, host, _ := strings.Cut(origin, "://")
	return host
}

// instanceMetadata is the answer of instance discovery: which host names are one cloud.
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

// serveInstance is /common/discovery/instance.
func (s *Server) serveInstance(w http.ResponseWriter, r *http.Request, _ string) {
	host := hostOf(s.login)
	about, err := url.Parse(r.URL.Query().Get("authorization_endpoint"))
	if err != nil || (about.Host != host && about.Host != hostOf(s.browser)) {
		s.writeError(w, r, aad(50049))
		return
	}
	segment, _, _ := strings.Cut(strings.TrimPrefix(about.Path, "/"), "/")
	publicHeaders(w.Header())
	writeJSON(w, http.StatusOK, instanceMetadata{
		Endpoint:   s.login + "/" + segment + "/v2.0/.well-known/openid-configuration",
		APIVersion: "1.1",
		Metadata:   []instanceHosts{{Network: host, Cache: host, Aliases: []string{host}}},
	})
}
