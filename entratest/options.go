package entratest

import (
	"strings"
	"time"
)

// Option configures [New].
type Option func(*settings)

// WithTenant sets the tenant id, a GUID. Default: Microsoft's documentation placeholder.
func WithTenant(id string) Option {
	return func(c *settings) { c.tenantID = strings.ToLower(id) }
}

// WithUsers replaces the sample users of [Users].
func WithUsers(users ...User) Option {
	return func(c *settings) { c.users = users }
}

// WithExtraTenant adds a second directory. Its users sign in through /organizations, /common or the
// tenant's own segment, and their tokens carry its id and issuer. The application is registered there
// too. The id of the consumer tenant, 9188040d-6c67-4c5b-b112-36a304b66dad, makes personal accounts.
func WithExtraTenant(id string, users ...User) Option {
	return func(c *settings) {
		c.extraTenants = append(c.extraTenants, extraTenant{strings.ToLower(id), users})
	}
}

// WithHosts sets the host names of the in-process server. Default: login.entra.test and graph.entra.test.
// With login.microsoftonline.com and graph.microsoft.com an app runs with its production URLs. A login host
// below ciamlogin.com makes an External ID tenant, see [WithExternalID].
func WithHosts(login, graph string) Option {
	return func(c *settings) { c.loginHost, c.graphHost = strings.ToLower(login), strings.ToLower(graph) }
}

// WithExternalID makes the server an External ID tenant: the issuer in the configuration, the keys and the
// tokens is https://<TenantID>.ciamlogin.com/<TenantID>/v2.0, while the endpoints keep the login host, which is
// the tenant's custom domain. Default: off, unless the login host is below ciamlogin.com.
func WithExternalID() Option {
	return func(c *settings) { c.externalID = true }
}

// WithAccessTokenLifetime sets the lifetime of access tokens. Default: 75 minutes, the mean of the 60 to
// 90 from which Entra chooses.
func WithAccessTokenLifetime(d time.Duration) Option {
	return func(c *settings) { c.tokenLifetime = d }
}

// WithRefreshIn makes token answers carry refresh_in, after which MSAL renews ahead of time.
// Default: not sent, as for Entra's ordinary tokens.
func WithRefreshIn(d time.Duration) Option {
	return func(c *settings) { c.refreshIn = d }
}

// WithManagerScope sets the scope that /me/manager demands. Default: User.Read, which suffices for the
// user's own manager; older tenants and documentation demand User.Read.All.
func WithManagerScope(scope string) Option {
	return func(c *settings) { c.managerScope = scope }
}

// WithOneTimeRefreshTokens makes a refresh token work once. Entra keeps the old one valid, so this is
// for the tests of apps that must keep the newest.
func WithOneTimeRefreshTokens() Option {
	return func(c *settings) { c.oneTimeRefresh = true }
}

// WithOneTimeAssertions makes a client assertion authenticate one token call. Entra accepts it until it
// expires, so this is for the tests of apps that must sign a new one each time.
func WithOneTimeAssertions() Option {
	return func(c *settings) { c.oneTimeAssertions = true }
}

// WithoutAuthContextPolicy names authentication contexts, "c1" to "c99", that no Conditional Access policy uses.
// As in Entra, a request for one asks the user for nothing, and the ID token confirms it to everybody. Default:
// none, every context has a policy that demands another factor. Repeated use adds.
func WithoutAuthContextPolicy(ids ...string) Option {
	return func(c *settings) { c.noPolicy = append(c.noPolicy, ids...) }
}

// WithAutoSignIn signs the account of a login_hint in at once, consent included, without showing a page.
// It is for scripts.
func WithAutoSignIn() Option {
	return func(c *settings) { c.auto = true }
}
