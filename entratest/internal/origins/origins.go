// Package origins holds the addresses of the emulator: scheme, host and port of each service.
package origins

import (
	"net/http"
	"strings"
)

// Origins are the scheme and host of each service. They change only when the emulator starts to listen.
type Origins struct {
	Login   string // for MSAL: discovery, tokens, keys; also the issuer's, except in External ID
	Browser string // for browsers: authorize, logout
	Graph   string
	// External is set for External ID, whose issuer has its own host regardless of the host of the
	// request.
	External bool
	// China is set for the cloud of 21Vianet, whose version 1 issuer has its own host.
	China bool
}

// Issuer is the iss claim for a tenant, always with its real id.
func (o *Origins) Issuer(tenantID string) string {
	if o.External {
		return "https://" + tenantID + ExternalDomain + "/" + tenantID + "/v2.0"
	}
	return o.Login + "/" + tenantID + "/v2.0"
}

// consumers is the id of the tenant of all personal accounts.
const consumers = "9188040d-6c67-4c5b-b112-36a304b66dad"

// Provider is the idp claim of a guest whose home is that tenant. entra: it is a version 1 issuer,
// which has another host for 21Vianet, and live.com for personal accounts.
func (o *Origins) Provider(homeTenantID string) string {
	if homeTenantID == consumers {
		return "live.com"
	}
	return o.IssuerV1(homeTenantID)
}

// IssuerV1 is the iss claim of tokens of version 1, which does not depend on the address of the
// request.
func (o *Origins) IssuerV1(tenantID string) string {
	if o.China {
		return "https://sts.chinacloudapi.cn/" + tenantID + "/"
	}
	return "https://sts.windows.net/" + tenantID + "/"
}

// ExternalDomain is the end of the hosts of External ID.
const ExternalDomain = ".ciamlogin.com"

// GraphURL is the base of the Graph API.
func (o *Origins) GraphURL() string { return o.Graph + "/v1.0" }

// UserInfoPath is the path of the userinfo endpoint. entra: it belongs to Graph, not to the sign-in
// service.
const UserInfoPath = "/oidc/userinfo"

// UserInfoURL is the userinfo endpoint.
func (o *Origins) UserInfoURL() string { return o.Graph + UserInfoPath }

// Addresses reports whether the request is addressed to that origin. Without a listener each service
// has its own host, and Entra's host does not serve Graph. A handler that a test mounts elsewhere
// serves everything.
func (o *Origins) Addresses(r *http.Request, origin string) bool {
	inProcess := r.Host == Host(o.Login) || r.Host == Host(o.Graph) || r.Host == Host(o.Browser)
	return !inProcess || r.Host == Host(origin)
}

// Host is the host and port of an origin.
func Host(origin string) string {
	_, host, _ := strings.Cut(origin, "://")
	return host
}
