package graph

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/authentication"
	kiotaazure "github.com/microsoft/kiota-authentication-azure-go"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// authenticator adds the credential's token to requests for Graph. For all other requests it returns an
// error, whereas Kiota's own provider would send them without a token (trap K5). Kiota decodes claims
// challenges, and the credential handles them.
type authenticator struct {
	graph origin
	inner authentication.AuthenticationProvider
	err   error // why there can be no token
}

// newAuthenticator always passes scopes to Kiota's provider. The provider's default is derived from the
// URL. Behind a gateway with its own path, the credential would not recognize that default as the scope
// of Graph.
func newAuthenticator(credential azcore.TokenCredential, scopes []string, root string, graph origin) *authenticator {
	if len(scopes) == 0 {
		scopes = []string{root[:strings.LastIndexByte(root, '/')] + "/.default"}
	}
	inner, err := kiotaazure.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(credential, scopes, []string{graph.hostname()})
	if err != nil {
		return &authenticator{err: autherr.Misconfigured.New("credential", err)}
	}
	return &authenticator{graph: graph, inner: inner}
}

// AuthenticateRequest implements authentication.AuthenticationProvider.
func (a *authenticator) AuthenticateRequest(ctx context.Context, info *abstractions.RequestInformation, more map[string]any) error {
	if a.err != nil {
		return a.err
	}
	if info == nil {
		return errors.New("there is no request")
	}
	u, err := info.GetUri()
	if err != nil {
		return errForeignURL.New("malformed", nil)
	}
	removeToken(info)
	if c := callOf(ctx); c != nil && c.upload {
		return a.graph.checkForeign(u)
	}
	if err := a.graph.check(u); err != nil {
		return err
	}
	setURL(info, u)
	err = a.inner.AuthenticateRequest(ctx, info, more)
	if err != nil {
		if c := callOf(ctx); c != nil {
			c.tokenFailed = true
		}
	}
	return err
}

// setURL sets the URL of a request to the one that has been checked. Otherwise Kiota would expand the
// template again for the token and once more for the request.
func setURL(info *abstractions.RequestInformation, u *url.URL) {
	// The parameters are shared with the caller's request, and SetUri would remove them there.
	info.PathParameters, info.QueryParameters, info.QueryParametersAny = map[string]string{}, nil, nil
	info.SetUri(*u)
}

// removeToken removes the token from a request object. Kiota leaves it there and would use it again: if
// the object were used for a second user, that user would get the data of the first.
func removeToken(info *abstractions.RequestInformation) {
	if info != nil && info.Headers != nil {
		info.Headers.Remove("Authorization")
	}
}
