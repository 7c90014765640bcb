package graph

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fibermsal/fibermsal/internal/outbound"
)

const publicGraph = "https://graph.microsoft.com/v1.0"

// graphLocator is a credential that knows where Graph is and how to reach it.
type graphLocator interface {
	GraphURL() string
	HTTPClient() *http.Client
}

// locateGraph returns the root of Graph and the transport to it. Of the credential's client only
// the transport is used, which has the connections, and not the redirect policy and the cookies.
func locateGraph(credential azcore.TokenCredential) (root string, transport http.RoundTripper) {
	root = publicGraph
	if locator, ok := credential.(graphLocator); ok {
		root = strings.TrimSuffix(locator.GraphURL(), "/")
		if client := locator.HTTPClient(); client != nil {
			transport = client.Transport
		}
	}
	if transport == nil {
		transport = defaultTransport()
	}
	return root, transport
}

// defaultTransport returns the transport for credentials without a client. There is only one, so
// that connections are kept alive.
var defaultTransport = sync.OnceValue(func() http.RoundTripper { return outbound.New(nil) })

// tokenReplacer is a credential that can replace a token that Graph rejected.
type tokenReplacer interface {
	Replace(ctx context.Context, options policy.TokenRequestOptions, rejected string) (azcore.AccessToken, error)
}

// replaceToken returns another token for a rejected one, and false if there is none.
type replaceToken func(ctx context.Context, rejected string) (token string, ok bool)

// replacement returns how to replace tokens of a credential, or nil if it has no such method.
func replacement(credential azcore.TokenCredential, scopes []string) replaceToken {
	replacer, ok := credential.(tokenReplacer)
	if !ok {
		return nil
	}
	return func(ctx context.Context, rejected string) (string, bool) {
		token, err := replacer.Replace(ctx, policy.TokenRequestOptions{Scopes: scopes}, rejected)
		return token.Token, err == nil && token.Token != rejected
	}
}

// cloneAll copies strings out of the request's buffer, which Fiber reuses (trap T10), because an
// adapter may outlive its request.
func cloneAll(scopes []string) []string {
	scopes = slices.Clone(scopes)
	for i, s := range scopes {
		scopes[i] = strings.Clone(s)
	}
	return scopes
}
