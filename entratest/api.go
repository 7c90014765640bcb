package entratest

import "github.com/fibermsal/fibermsal/entratest/internal/scopes"

// API is a protected API other than Graph, for [WithAPI].
type API struct {
	// URI is the application ID URI that scopes begin with: "api://orders", "https://other.example".
	URI string
	// Version is that of its access tokens, which the API's own registration chooses: 2, or 1 as in registrations
	// that leave accessTokenAcceptedVersion unset. The issuer of version 1 is https://sts.windows.net/<TenantID>/,
	// whose configuration is at Authority + "/.well-known/openid-configuration". Default: 2.
	Version int
	// Audience is the aud claim of its tokens. Default: the GUID of a URI api://<GUID> in version 2, and
	// otherwise URI.
	Audience string
	// Scopes are its delegated permissions: "access_as_user". URI/.default stands for all of them.
	Scopes []string
	// Roles are the app roles of its users by sign-in name (UPN), for the roles claim. Users of an API that is
	// the registered application itself (URI api://<ClientID>) have [User].Roles as well.
	Roles map[string][]string
	// NoIDType leaves idtyp out of tokens without a user. It is an optional claim, so Entra issues it only if the
	// API's registration asks for it.
	NoIDType bool
	// Capable lets the clients that get tokens by [Server.Issue], [Server.IssueForApp] and [Server.IssueForAgent]
	// declare that they understand claims challenges: the claim xms_cc is ["cp1"]. Clients that call the token
	// endpoint declare it themselves.
	Capable bool
}

func internalAPIs(apis []API) []scopes.API {
	out := make([]scopes.API, 0, len(apis))
	for _, api := range apis {
		out = append(out, scopes.API(api))
	}
	return out
}
