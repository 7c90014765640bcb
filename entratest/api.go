package entratest

import "github.com/fibermsal/fibermsal/entratest/internal/scopes"

// API describes a protected API other than Graph, for [WithAPI].
type API struct {
	// URI is the application ID URI with which scopes begin, such as "api://orders" or
	// "https://other.example".
	URI string
	// Version is the version of the API's access tokens, which the API's own registration determines:
	// 2, or 1 as in registrations in which accessTokenAcceptedVersion is not set. The issuer of version
	// 1 tokens is https://sts.windows.net/<TenantID>/, and its configuration is at Authority +
	// "/.well-known/openid-configuration". Default: 2.
	Version int
	// Audience is the aud claim of the API's tokens. Default: in version 2, the GUID of a URI
	// api://<GUID>; otherwise URI.
	Audience string
	// Scopes are the API's delegated permissions, such as "access_as_user". URI/.default stands for all of them.
	Scopes []string
	// Roles are the app roles of the API's users, by sign-in name (UPN), for the roles claim. Users of
	// an API that is the registered application itself (URI api://<ClientID>) also have the roles in
	// [User].Roles.
	Roles map[string][]string
	// NoIDType omits idtyp from tokens without a user. It is an optional claim, which Entra issues only
	// if the API's registration requests it.
	NoIDType bool
	// Capable sets the claim xms_cc to ["cp1"] in tokens of [Server.Issue], [Server.IssueForApp] and
	// [Server.IssueForAgent], which declares that the client understands claims challenges. Clients
	// that call the token endpoint declare it themselves.
	Capable bool
}

func internalAPIs(apis []API) []scopes.API {
	out := make([]scopes.API, 0, len(apis))
	for _, api := range apis {
		out = append(out, scopes.API(api))
	}
	return out
}
