package graph

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/fibermsal/fibermsal/entra"
)

// Me returns the SDK's request builder for /me of the signed-in user, with the given scopes or
// those of Config. c is the context of a request in Fiber v2 or v3. If no user is signed in, the
// builder's calls return [entra.ErrLoginRequired] and nothing is sent.
//
// It may be used after the handler has returned. It is not safe for concurrent use.
func Me(c entra.Locals, scopes ...string) *users.UserItemRequestBuilder {
	return me(Adapter(c, scopes...))
}

// Adapter returns a request adapter, from which every Kiota client can be created, such as with
// msgraphsdk.NewGraphServiceClient. Its calls act for the signed-in user of this request, with the
// given scopes or those of Config.
//
// It may be retained after the handler has returned, and is safe for concurrent use except for
// SetBaseUrl, which must be called before the first call.
func Adapter(c entra.Locals, scopes ...string) abstractions.RequestAdapter {
	return newAdapter(entra.TokenCredential(c), scopes)
}

// MeFor is like [Me], but for a credential instead of a request. It is for workers and hooks. The
// credential must provide tokens of a user, because an app has no /me.
//
// If the credential has the methods GraphURL() string and HTTPClient() *http.Client, as those of
// fibermsal do, they determine the URL of Graph and the transport. Otherwise the calls go to Graph in
// the public cloud.
func MeFor(credential azcore.TokenCredential, scopes ...string) *users.UserItemRequestBuilder {
	return me(AdapterFor(credential, scopes...))
}

// AdapterFor is [Adapter] for a credential, see [MeFor]. Without scopes it requests those of
// Config if the credential is one of fibermsal's, otherwise Graph's .default.
func AdapterFor(credential azcore.TokenCredential, scopes ...string) abstractions.RequestAdapter {
	return newAdapter(credential, scopes)
}

// me returns the same builder as client.Me(). NewUserItemRequestBuilder is not suitable, because its
// builder takes a URL, ignores $select and works for one call only (trap K4).
func me(adapter abstractions.RequestAdapter) *users.UserItemRequestBuilder {
	return users.NewUserItemRequestBuilderInternal(map[string]string{"user%2Did": mePlaceholder}, adapter)
}
