package graph

import (
	"net/http"

	khttp "github.com/microsoft/kiota-http-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
)

// mePlaceholder stands for the signed-in user in the SDK's URLs until the request is sent,
// because the SDK has one builder for /users/{id} and /me.
const mePlaceholder = "me-token-to-replace"

// middlewares are the middlewares of Kiota and of Graph's SDK that requests need, in a fixed order,
// whereas Kiota's default order is that of a map. They are stateless, so all calls share them. Kiota's
// handlers for redirects and retries are left out because they have no limits, and its handler for
// compression because it compresses at random.
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
