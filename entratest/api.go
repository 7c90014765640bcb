package entratest

import "github.com/fibermsal/fibermsal/entratest/internal/scopes"

// API is a protected API other than Graph, for [WithAPI].
type API struct {
	// URI is the application ID URI that scopes begin with: "api://orders", "https://other.example".
	URI string
	// Audience is the aud claim of its tokens. Default: the GUID of a URI api://<GUID>, as in Entra's v2.0
	// tokens, and otherwise URI.
	Audience string
	// Scopes are its delegated permissions: "access_as_user". URI/.default stands for all of them.
	Scopes []string
}

func internalAPIs(apis []API) []scopes.API {
	out := make([]scopes.API, 0, len(apis))
	for _, api := range apis {
		out = append(out, scopes.API(api))
	}
	return out
}
