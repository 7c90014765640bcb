package graph

import (
	"net/http"

	khttp "github.com/microsoft/kiota-http-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
)

// mePlaceholder stands for the signed-in user in the SDK's URLs until the request is sent,
// because the SDK has one builder for /users/{id} and /me.
const mePlaceholder = "me-token-to-replace"

// middlewares are those of Kiota and Graph that requests need, in a fixed order; Kiota's default
// order is that of a map. They have no state, so all calls share them. Kiota's handlers for
// redirects and retries, which are unbounded, and for compression at random are left out.
var middlewares = []khttp.Middleware{
	khttp.NewUrlReplaceHandler(true, map[string]string{"/users/" + mePlaceholder: "/me"}),
	khttp.NewParametersNameDecodingHandler(),
	core.NewGraphTelemetryHandler(&core.GraphClientOptions{}),
	khttp.NewUserAgentHandler(),
	khttp.NewHeadersInspectionHandler(),
}

// withMiddlewares puts the middlewares in front of a transport.
func withMiddlewares(next http.RoundTripper) http.RoundTripper {
	return khttp.NewCustomTransportWithParentTransport(next, middlewares...)
}
