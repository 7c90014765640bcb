package graph

import (
	"context"
	"errors"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/authentication"
	kiotaazure "github.com/microsoft/kiota-authentication-azure-go"

	"github.com/fibermsal/fibermsal"
)

// authenticator puts the credential's token on requests to Graph and refuses all
// others, which Kiota's own would let out without one (trap K5). Claims
// challenges are Kiota's to decode; the credential answers them.
type authenticator struct {
	graph origin
	inner authentication.AuthenticationProvider
	err   error // why there can be no token
}

// newAuthenticator always gives scopes to Kiota's provider, whose default is made
// from the URL: behind a gateway with a path of its own that is not what the
// credential takes for Graph's.
func newAuthenticator(credential azcore.TokenCredential, scopes []string, root string, graph origin, err error) *authenticator {
	if err != nil {
		return &authenticator{err: misconfigured("graph_url", err)}
	}
	if len(scopes) == 0 {
		scopes = []string{root[:strings.LastIndexByte(root, '/')] + "/.default"}
	}
	inner, err := kiotaazure.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(credential, scopes, []string{graph.hostname()})
	if err != nil {
		return &authenticator{err: misconfigured("credential", err)}
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
		return foreign("malformed")
	}
	if err := a.graph.admit(u); err != nil {
		return err
	}
	forgetToken(info)
	err = a.inner.AuthenticateRequest(ctx, info, more)
	if err != nil {
		if x := callOf(ctx); x != nil {
			x.noToken = true
		}
	}
	return err
}

// forgetToken takes the token out of a request object. Kiota leaves it there and
// would use it again: an object used for two users would give the second the
// first one's data.
func forgetToken(info *abstractions.RequestInformation) {
	if info != nil && info.Headers != nil {
		info.Headers.Remove("Authorization")
	}
}

func misconfigured(reason string, cause error) *fibermsal.Error {
	return particular(fibermsal.ErrMisconfigured, reason, cause, nil)
}
