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

// graphLocator is a credential that has a URL and a client for Graph.
type graphLocator interface {
	GraphURL() string
	HTTPClient() *http.Client
}

// locateGraph returns the root URL of Graph and the transport for it. Of the credential's client, only
// the transport is used, which has the connections; its redirect policy and cookies are not.
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

// defaultTransport returns the transport for credentials without a client. It is shared, so that
// connections are kept alive.
var defaultTransport = sync.OnceValue(func() http.RoundTripper { return outbound.New(nil) })

// tokenReplacer is a credential that can replace a token that Graph rejected.
type tokenReplacer interface {
	Replace(ctx context.Context, options policy.TokenRequestOptions, rejected string) (azcore.AccessToken, error)
}

// replaceToken returns another token for a rejected one, and false if there is none.
type replaceToken func(ctx context.Context, rejected string) (token string, ok bool)

// replacement returns a function that replaces tokens of a credential, or nil if the credential cannot.
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

// cloneAll copies strings, because they may alias the request's buffer, which Fiber reuses (trap T10),
// and an adapter may outlive its request.
func cloneAll(scopes []string) []string {
	scopes = slices.Clone(scopes)
	for i, s := range scopes {
		scopes[i] = strings.Clone(s)
	}
	return scopes
}
