package fibermsal

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/authentication"
	kiotaazure "github.com/microsoft/kiota-authentication-azure-go"
)

// TokenCredential returns what gives the signed-in user's tokens to the Azure SDK,
// Kiota clients or a plain HTTP call. It is bound to the session of this request,
// may be used after the handler has returned, and is safe for concurrent use.
//
// Without scopes, or with the .default of Graph, GetToken takes those of Config. It
// renews the token where needed, and waits no longer than its context.
//
// GetToken returns an [*Error]: [ErrLoginRequired] if nobody is signed in or the
// tokens cannot be renewed, [ErrConsentRequired], or [ErrUnavailable].
func TokenCredential(c *fiber.Ctx) azcore.TokenCredential {
	r := requestOf(c)
	if r == nil {
		return &credential{err: notMounted("TokenCredential")}
	}
	s, err := r.current(c)
	switch {
	case err != nil:
		return &credential{auth: r.auth, err: err}
	case s == nil:
		return &credential{auth: r.auth, err: ErrLoginRequired}
	}
	return r.auth.credentialOf(s)
}

// AuthenticationProvider returns what authenticates a Kiota client's requests as
// the signed-in user, with the given scopes or those of Config. It adds a token
// only to requests for the host of Config.GraphURL; see [TokenCredential] for its
// life and its errors.
func AuthenticationProvider(c *fiber.Ctx, scopes ...string) authentication.AuthenticationProvider {
	k, _ := TokenCredential(c).(*credential)
	if k.auth == nil {
		return failingProvider{k.err}
	}
	if len(scopes) == 0 {
		scopes = k.auth.cfg.Scopes
	}
	graph, err := url.Parse(k.auth.cfg.GraphURL)
	if err != nil {
		return failingProvider{ErrMisconfigured.because("graph_url", err)}
	}
	provider, err := kiotaazure.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(k, scopes, []string{graph.Hostname()})
	if err != nil {
		return failingProvider{ErrMisconfigured.because("graph_url", err)}
	}
	return provider
}

// failingProvider authenticates nothing.
type failingProvider struct{ err error }

// AuthenticateRequest implements authentication.AuthenticationProvider.
func (p failingProvider) AuthenticateRequest(context.Context, *abstractions.RequestInformation, map[string]interface{}) error {
	return p.err
}

// credential is a user's tokens. Beside azcore.TokenCredential it tells the graph
// package where Graph is and how to reach it.
type credential struct {
	auth    *Auth
	session *session
	tokens  tokenCache
	err     error          // why there are none
	search  *offlineSearch // of a worker: the user's sessions
}

var _ azcore.TokenCredential = (*credential)(nil)

// GetToken implements azcore.TokenCredential. No scopes, or the .default of Graph,
// are those of Config.
func (k *credential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if k.err != nil {
		return azcore.AccessToken{}, k.err
	}
	if options.Claims != "" {
		// MSAL cannot ask for them silently, and Entra would refuse: the API has seen
		// a revocation or a policy that wants the user.
		return azcore.AccessToken{}, claimsChallenge(options.Claims, k.auth.tokenScopes(options.Scopes))
	}
	scopes := k.auth.tokenScopes(options.Scopes)
	return k.ask(ctx, func(k *credential) (azcore.AccessToken, error) {
		return k.auth.token(ctx, k.auth.newRenewal(k.session, k.tokens, scopes))
	})
}

func (k *credential) ask(ctx context.Context, get func(*credential) (azcore.AccessToken, error)) (azcore.AccessToken, error) {
	if k.search != nil {
		return k.offlineToken(ctx, get)
	}
	return get(k)
}

// Replace returns a token in the place of one that the API refused although it is good,
// as after a change of the user's permissions.
func (k *credential) Replace(ctx context.Context, options policy.TokenRequestOptions, refused string) (azcore.AccessToken, error) {
	if k.err != nil {
		return azcore.AccessToken{}, k.err
	}
	scopes, refused := k.auth.tokenScopes(options.Scopes), strings.Clone(refused)
	return k.ask(ctx, func(k *credential) (azcore.AccessToken, error) {
		return k.auth.replaced(ctx, k.auth.newRenewal(k.session, k.tokens, scopes), refused)
	})
}

// GraphURL is the root of Graph with the version, without a slash at the end.
func (k *credential) GraphURL() string {
	if k.auth == nil {
		return publicGraph
	}
	return k.auth.cfg.GraphURL
}

// HTTPClient is the client that reaches Graph.
func (k *credential) HTTPClient() *http.Client {
	if k.auth == nil {
		return nil
	}
	return k.auth.cfg.HTTPClient
}

// GoString is what %#v prints of a credential: nothing.
func (k *credential) GoString() string { return "fibermsal credential" }
