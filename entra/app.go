package entra

import (
	"context"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fibermsal/fibermsal/internal/token"
)

// appCredential returns the app's own tokens.
type appCredential struct {
	settings *settings
	tokens   token.App
}

// GetToken implements azcore.TokenCredential.
func (c *appCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return c.tokens.Token(ctx, options.Scopes)
}

// GraphURL returns the root of Graph with the version, without a slash at the end.
func (c *appCredential) GraphURL() string { return c.settings.GraphURL }

// HTTPClient returns the client that reaches Graph.
func (c *appCredential) HTTPClient() *http.Client { return c.settings.HTTPClient }

// GoString returns a constant, so that %#v prints no token.
func (c *appCredential) GoString() string { return "fibermsal app credential" }
