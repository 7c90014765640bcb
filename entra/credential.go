package entra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/authentication"
	kiotaazure "github.com/microsoft/kiota-authentication-azure-go"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/msalcache"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/token"
	"github.com/fibermsal/fibermsal/internal/web"
)

// TokenCredential returns a credential that provides the signed-in user's tokens to the Azure SDK,
// Kiota clients or plain HTTP calls. It is bound to the session of this request, may be used after the
// handler has returned, and is safe for concurrent use.
//
// If no scopes, or Graph's .default, are requested, GetToken uses the scopes of Config. It renews the
// token if necessary and returns when its context ends. It provides tokens only of the tenant that the
// user signed in to; for another TenantID the error is [ErrMisconfigured].
//
// GetToken returns an [*Error]: [ErrLoginRequired] if no user is signed in or the tokens cannot
// be renewed, [ErrConsentRequired], [ErrClaimsChallenge] if claims are requested,
// [ErrUnavailable], or [ErrMisconfigured] if the middleware has not run.
//
// If RequireToken or RequireFrom of a face has accepted a caller with an access token, the tokens come
// from the on-behalf-of flow and expire no later than the caller's token. If the caller is an app
// without a user, the error is [ErrForbidden]; once the caller's token has expired, it is
// [ErrInvalidToken]. Background jobs cannot run on behalf of such a caller. They can use AppCredential
// or, for a user with a session, UserByID or UserByMail.
func TokenCredential(c Locals) azcore.TokenCredential {
	v, s, err := signedIn(c, "TokenCredential")
	if err != nil {
		return &userCredential{service: serviceOf(v), err: err}
	}
	return serviceOf(v).credentialIn(v, s)
}

// AuthenticationProvider returns a provider that authenticates a Kiota client's requests as the
// signed-in user, with the given scopes or those of Config. It adds a token only to requests for
// the host of Config.GraphURL. See [TokenCredential] for its lifetime, concurrency and errors,
// which its requests return.
func AuthenticationProvider(c Locals, scopes ...string) authentication.AuthenticationProvider {
	credential, _ := TokenCredential(c).(*userCredential)
	if credential.service == nil {
		return failingProvider{credential.err}
	}
	if len(scopes) == 0 {
		scopes = credential.service.settings.Scopes
	}
	graph, err := url.Parse(credential.GraphURL())
	if err != nil {
		return failingProvider{autherr.Misconfigured.New("graph_url", err)}
	}
	provider, err := kiotaazure.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(credential, scopes, []string{graph.Hostname()})
	if err != nil {
		return failingProvider{autherr.Misconfigured.New("graph_url", err)}
	}
	return provider
}

// failingProvider authenticates nothing.
type failingProvider struct{ err error }

// AuthenticateRequest implements authentication.AuthenticationProvider.
func (p failingProvider) AuthenticateRequest(context.Context, *abstractions.RequestInformation, map[string]any) error {
	return p.err
}

// CacheAccessor lets an MSAL client keep its tokens in the sealed record of one session. It implements
// MSAL's cache.ExportReplace. A client that uses it must not serve other users (trap M1). It is safe
// for concurrent use and may be used after the handler has returned.
type CacheAccessor = msalcache.Accessor

// NewCacheAccessor returns the accessor for the signed-in user's tokens. Pass it to
// confidential.WithCache to create your own confidential.Client. It returns [ErrLoginRequired] if no
// user is signed in, [ErrUnavailable] if the storage failed, and [ErrMisconfigured] if the middleware
// has not run or if the caller has an access token, because only sessions have a cache.
func NewCacheAccessor(c Locals) (*CacheAccessor, error) {
	v, s, err := signedIn(c, "NewCacheAccessor")
	if err != nil {
		return nil, err
	}
	if s.Token != nil {
		return nil, autherr.Misconfigured.New("token_has_no_cache", errors.New("NewCacheAccessor: the caller has an access token and no session, so there is no cache"))
	}
	return msalcache.New(serviceOf(v).renewer.QueuedCacheOf(s)), nil
}

// userCredential provides a user's tokens. It implements azcore.TokenCredential and has further methods
// from which package graph gets Graph's URL and the HTTP client.
type userCredential struct {
	service *Service
	session *session.Session
	cache   msalcache.Cache
	// assertion is the caller's access token, if the session stands for one.
	assertion string
	err       error // why there are no tokens
}

var _ azcore.TokenCredential = (*userCredential)(nil)

// credential returns a credential for a session whose tokens are in a cache.
func (s *Service) credential(of *session.Session, cache msalcache.Cache) *userCredential {
	return &userCredential{service: s, session: of, cache: cache}
}

// credentialIn returns a credential for the user of a request.
func (s *Service) credentialIn(v *web.Visit, of *session.Session) *userCredential {
	if of.Token != nil {
		assertion, err := v.Assertion()
		return &userCredential{service: s, session: of, assertion: assertion, err: err}
	}
	return s.credential(of, s.renewer.CacheOf(of))
}

// tokenSource provides users' tokens, either from their sessions or on behalf of callers.
type tokenSource interface {
	Token(ctx context.Context, q token.Request) (azcore.AccessToken, error)
	Replace(ctx context.Context, q token.Request, rejected string) (azcore.AccessToken, error)
}

func (c *userCredential) source() tokenSource {
	if c.session.Token != nil {
		return c.service.onBehalf
	}
	return c.service.renewer
}

// GetToken implements azcore.TokenCredential.
func (c *userCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	request, err := c.request(options)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	return c.source().Token(ctx, request)
}

// Replace returns a new token after an API has rejected one that has not expired, for example because
// the user's permissions have changed.
func (c *userCredential) Replace(ctx context.Context, options policy.TokenRequestOptions, rejected string) (azcore.AccessToken, error) {
	options.Claims = ""
	request, err := c.request(options)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	return c.source().Replace(ctx, request, strings.Clone(rejected))
}

func (c *userCredential) request(options policy.TokenRequestOptions) (token.Request, error) {
	if c.err != nil {
		return token.Request{}, c.err
	}
	if err := c.checkTenant(options.TenantID); err != nil {
		return token.Request{}, err
	}
	if options.Claims != "" {
		// MSAL cannot request claims silently, and Entra would refuse, because the API has seen a
		// revocation or a policy that requires the user to be present.
		return token.Request{}, claimsChallenge(options.Claims, c.service.settings.scopes.ForTokenOrConfigured(options.Scopes))
	}
	if c.session.Token != nil {
		return c.service.onBehalf.Request(c.session, c.assertion, options.Scopes), nil
	}
	return c.service.renewer.Request(c.session, c.cache, options.Scopes), nil
}

// checkTenant returns an error if tokens of a tenant other than the session's are requested. Clients of
// the Azure SDK take the tenant from the challenge of a service, and a token of the wrong tenant would
// only lead to the same challenge again.
func (c *userCredential) checkTenant(requested string) error {
	own := c.session.User.TenantID
	if requested == "" || strings.EqualFold(requested, own) || c.service.authority.IsOwn(requested) {
		return nil
	}
	return autherr.Misconfigured.New("other_tenant", fmt.Errorf("a token of the tenant %.64q was requested, and the user signed in to %s", requested, own))
}

// GraphURL returns the root URL of Graph with the version, without a trailing slash.
func (c *userCredential) GraphURL() string {
	if c.service == nil {
		return publicGraph
	}
	return c.service.settings.GraphURL
}

// HTTPClient returns the client that reaches Graph.
func (c *userCredential) HTTPClient() *http.Client {
	if c.service == nil {
		return nil
	}
	return c.service.settings.HTTPClient
}

// AppValue returns a value that a package keeps for the app. It is created by the first call with its
// key.
func (c *userCredential) AppValue(key any, create func() any) any {
	if c.service == nil {
		return create()
	}
	if value, ok := c.service.values.Load(key); ok {
		return value
	}
	value, _ := c.service.values.LoadOrStore(key, create())
	return value
}

// Logger returns the app's logger.
func (c *userCredential) Logger() *slog.Logger {
	if c.service == nil {
		return slog.Default()
	}
	return c.service.log
}

// Format never prints tokens, whatever the verb.
func (c *userCredential) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "fibermsal credential")
}
