package graph_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"

	"github.com/fibermsal/fibermsal/entratest"
)

// fixedCredential is a worker's credential, with the token of a user who signed in earlier.
type fixedCredential struct {
	entra  *entratest.Server
	token  string
	client *http.Client
}

func (k fixedCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: k.token}, nil
}

func (k fixedCredential) GraphURL() string { return k.entra.GraphURL }

func (k fixedCredential) HTTPClient() *http.Client { return k.client }

// hookedCredential calls a function before it returns a token.
type hookedCredential struct {
	fixedCredential
	call func(context.Context)
}

func (k hookedCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	k.call(ctx)
	return k.fixedCredential.GetToken(ctx, options)
}

type urlCredential struct {
	graphURL string
	client   *http.Client
}

func (k urlCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "token"}, nil
}

func (k urlCredential) GraphURL() string { return k.graphURL }

func (k urlCredential) HTTPClient() *http.Client { return k.client }

// plainCredential fails, and has only the method that the Azure SDK requires.
type plainCredential struct{ requested *policy.TokenRequestOptions }

func (k plainCredential) GetToken(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if k.requested != nil {
		*k.requested = options
	}
	return azcore.AccessToken{}, errors.New("no managed identity here")
}

func tokenFor(scopes ...string) policy.TokenRequestOptions {
	return policy.TokenRequestOptions{Scopes: scopes}
}

// meRequest is what graph.Me(c).Get sends, for adapters.
func meRequest() *abstractions.RequestInformation {
	info := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(
		abstractions.GET, "{+baseurl}/me", map[string]string{})
	info.Headers.Add("Accept", "application/json")
	return info
}

var odataMapping = abstractions.ErrorMappings{"XXX": odataerrors.CreateODataErrorFromDiscriminatorValue}

// renewingCredential has another token after each replacement.
type renewingCredential struct {
	urlCredential
	replaced atomic.Int32
}

func (k *renewingCredential) token() azcore.AccessToken {
	return azcore.AccessToken{Token: "token-" + strconv.Itoa(int(k.replaced.Load()))}
}

func (k *renewingCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return k.token(), nil
}

func (k *renewingCredential) Replace(context.Context, policy.TokenRequestOptions, string) (azcore.AccessToken, error) {
	k.replaced.Add(1)
	return k.token(), nil
}
