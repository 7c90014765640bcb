package entra

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fibermsal/fibermsal/internal/token"
)

// appCredential provides the app's own tokens.
type appCredential struct {
	settings *settings
	tokens   *token.App // a pointer, which fmt does not follow
}

// GetToken implements azcore.TokenCredential.
func (c *appCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return c.tokens.Token(ctx, options.Scopes, options.TenantID)
}

// GraphURL returns the root URL of Graph with the version, without a trailing slash.
func (c *appCredential) GraphURL() string { return c.settings.GraphURL }

// HTTPClient returns the client that reaches Graph.
func (c *appCredential) HTTPClient() *http.Client { return c.settings.HTTPClient }

// Format never prints tokens, whatever the verb.
func (c *appCredential) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "fibermsal app credential")
}
