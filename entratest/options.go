package entratest

import (
	"strings"
	"time"
)

// Option configures [New].
type Option func(*settings)

// WithTenant sets the tenant ID, a GUID. Default: the placeholder in Microsoft's documentation.
func WithTenant(id string) Option {
	return func(c *settings) { c.tenantID = strings.ToLower(id) }
}

// WithUsers replaces the sample users of [Users].
func WithUsers(users ...User) Option {
	return func(c *settings) { c.users = users }
}

// WithExtraTenant adds another directory, in which the application is also registered. Its users sign
// in through /organizations, /common or the tenant's own segment, and their tokens contain its ID and
// issuer. With the ID of the consumer tenant, 9188040d-6c67-4c5b-b112-36a304b66dad, they are personal
// accounts.
func WithExtraTenant(id string, users ...User) Option {
	return func(c *settings) {
		c.extraTenants = append(c.extraTenants, extraTenant{strings.ToLower(id), users})
	}
}

// WithHosts sets the host names of the in-process server. Default: login.entra.test and
// graph.entra.test. With login.microsoftonline.com and graph.microsoft.com, an app can run with its
// production URLs. With a login host below ciamlogin.com, the server is an External ID tenant, see
// [WithExternalID].
func WithHosts(login, graph string) Option {
	return func(c *settings) { c.loginHost, c.graphHost = strings.ToLower(login), strings.ToLower(graph) }
}

// WithExternalID makes the server emulate an External ID tenant: the issuer in the configuration, the
// keys and the tokens is https://<TenantID>.ciamlogin.com/<TenantID>/v2.0, while the endpoints keep the
// login host as the tenant's custom domain. Default: off, unless the login host is below ciamlogin.com.
func WithExternalID() Option {
	return func(c *settings) { c.externalID = true }
}

// WithAccessTokenLifetime sets the lifetime of access tokens. Default: 75 minutes, the mean of the 60
// to 90 minutes that Entra uses.
func WithAccessTokenLifetime(d time.Duration) Option {
	return func(c *settings) { c.tokenLifetime = d }
}

// WithRefreshIn adds refresh_in to token responses, after which MSAL renews a token before it expires.
// Default: not sent, as for Entra's ordinary tokens.
func WithRefreshIn(d time.Duration) Option {
	return func(c *settings) { c.refreshIn = d }
}

// WithManagerScope sets the scope that /me/manager requires. Default: User.Read, which is sufficient
// for the user's own manager; older tenants and documentation require User.Read.All.
func WithManagerScope(scope string) Option {
	return func(c *settings) { c.managerScope = scope }
}

// WithOneTimeRefreshTokens makes each refresh token work only once. Entra keeps old refresh tokens
// valid, so this is to test that an app uses the newest one.
func WithOneTimeRefreshTokens() Option {
	return func(c *settings) { c.oneTimeRefresh = true }
}

// WithOneTimeAssertions makes each client assertion work only once. Entra accepts an assertion until it
// expires, so this is to test that an app signs a new one for each call.
func WithOneTimeAssertions() Option {
	return func(c *settings) { c.oneTimeAssertions = true }
}

// WithoutAuthContextPolicy names authentication contexts, "c1" to "c99", that no Conditional Access
// policy uses. As in Entra, a request for such a context requires nothing of the user, and the ID token
// of every user confirms it. Default: none; every context has a policy that requires another factor.
// The option can be repeated.
func WithoutAuthContextPolicy(ids ...string) Option {
	return func(c *settings) { c.noPolicy = append(c.noPolicy, ids...) }
}

// WithAutoSignIn signs in the account of a login_hint, with consent, without showing a page. It is for
// scripts.
func WithAutoSignIn() Option {
	return func(c *settings) { c.auto = true }
}
