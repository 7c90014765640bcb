package metadata

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/origins"
	"github.com/fibermsal/fibermsal/entratest/internal/wire"
)

// configuration is the OpenID Connect discovery document. It names the endpoints of the emulator; Entra's
// has the device and Kerberos endpoints too. entra: no code_challenge_methods_supported, even
// though PKCE works.
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
	UserInfoEndpoint      string   `json:"userinfo_endpoint"`
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

// theRegion is the region of all tenants.
var theRegion = "EU"

// ServeDiscovery is /{tenant}/v2.0/.well-known/openid-configuration.
func (s *Service) ServeDiscovery(w http.ResponseWriter, r *http.Request, segment string) {
	tenants, fail := s.Directory.Resolve(segment)
	if fail != nil {
		fail.As("invalid_tenant").Write(w, r, s.Origins.Login)
		return
	}
	login := s.Origins.Login
	if wire.IsPlain(r) { // for a single-page app, whose browser does not trust the certificate
		login = s.Origins.Browser
	}
	document := s.configuration(login, tenants[0].ID, tenants[0].ID, &theRegion)
	if directory.IsAlias(segment) { // entra: the issuer of a token still has the real tenant's id
		document = s.configuration(login, strings.ToLower(segment), manyTenants, nil)
	}
	if app := r.URL.Query().Get(appParameter); app != "" {
		document.KeysURI += "?" + url.Values{appParameter: {app}}.Encode()
	}
	s.TamperDiscovery.write(w, document)
}

// configuration is the document for the endpoints of an origin below /{name}, with the issuer of a tenant.
func (s *Service) configuration(origin, name, tenant string, region *string) configuration {
	login, browser := origin+"/"+name, s.Origins.Browser+"/"+name
	graphHost := origins.Host(s.Origins.Graph)
	return configuration{
		TokenEndpoint:         login + "/oauth2/v2.0/token",
		TokenAuthMethods:      []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		KeysURI:               login + "/discovery/v2.0/keys",
		ResponseModes:         []string{"query", "fragment", "form_post"},
		SubjectTypes:          []string{"pairwise"},
		SigningAlgs:           []string{"RS256"},
		ResponseTypes:         []string{"code"},
		Scopes:                []string{"openid", "profile", "email", "offline_access"},
		Issuer:                s.Origins.Issuer(tenant),
		UserInfoEndpoint:      s.Origins.UserInfoURL(),
		AuthorizationEndpoint: browser + "/oauth2/v2.0/authorize",
		LogoutSupported:       true,
		FrontChannelLogout:    true,
		EndSessionEndpoint:    browser + "/oauth2/v2.0/logout",
		Claims: []string{
			"sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username",
			"name", "tid", "ver", "at_hash", "c_hash", "email",
		},
		Region:         region,
		CloudInstance:  origins.Host(s.Origins.Login),
		CloudGraphHost: graphHost,
		GraphHost:      graphHost,
		RBACURL:        "https://pas.windows.net",
	}
}
