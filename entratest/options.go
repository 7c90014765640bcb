package entratest

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Microsoft's own documentation placeholders, so that nobody takes them for somebody's tenant.
const (
	defaultTenantID = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	defaultClientID = "00001111-aaaa-2222-bbbb-3333cccc4444"
	consumerTenant  = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

// DefaultRedirectURI is registered when [WithRedirectURI] is not used. As in Entra ID the port of a
// http://localhost URI is ignored, so it fits an app on any local port.
const DefaultRedirectURI = "http://localhost/user/authorized"

// Option configures [New].
type Option func(*settings)

// settings is what the options fill in; it does not change after New.
type settings struct {
	tenantID, clientID, clientSecret string
	redirectURIs, logoutURIs         []string
	users                            []User
	extraTenants                     []extraTenant
	tokenLifetime, refreshIn         time.Duration
	managerScope                     string
	extraScopes                      []string
	oneTimeRefresh, auto             bool
	oneTimeAssertions                bool
	loginHost, graphHost             string

	noSecret     bool
	secrets      []Secret
	certificates []*x509.Certificate
	federated    []FederatedCredential

	apis           []API
	appPermissions []string
	adminScopes    []string
	optionalClaims []string

	frontChannel       string
	frontChannelIssuer bool
}

type extraTenant struct {
	id    string
	users []User
}

func defaultSettings() settings {
	return settings{
		tenantID:      defaultTenantID,
		clientID:      defaultClientID,
		clientSecret:  "canary-secret-" + randomText(24),
		users:         Users(),
		tokenLifetime: 75 * time.Minute,
		managerScope:  "User.Read",
		loginHost:     "login.entra.test",
		graphHost:     "graph.entra.test",

		optionalClaims: []string{"acct", "auth_time", "groups", "login_hint", "sid"},
	}
}

// WithTenant sets the tenant id, a GUID. Default: Microsoft's documentation placeholder.
func WithTenant(id string) Option {
	return func(c *settings) { c.tenantID = strings.ToLower(id) }
}

// WithClient sets the registered application: its id, a GUID, and its secret.
// Default: Microsoft's documentation placeholder and a random secret.
func WithClient(id, secret string) Option {
	return func(c *settings) { c.clientID, c.clientSecret = strings.ToLower(id), secret }
}

// WithClientID sets the registered application's id alone.
func WithClientID(id string) Option {
	return func(c *settings) { c.clientID = strings.ToLower(id) }
}

// WithClientSecret sets the registered application's secret alone.
func WithClientSecret(secret string) Option {
	return func(c *settings) { c.clientSecret = secret }
}

// WithRedirectURI registers redirect URIs (type Web). They match exactly, the path case-sensitively; only
// the port of http://localhost is ignored. They may also be used after logout. Default:
// [DefaultRedirectURI]. Repeated use adds.
func WithRedirectURI(uris ...string) Option {
	return func(c *settings) { c.redirectURIs = append(c.redirectURIs, uris...) }
}

// WithLogoutURI registers further URIs that people may be sent to after logout.
func WithLogoutURI(uris ...string) Option {
	return func(c *settings) { c.logoutURIs = append(c.logoutURIs, uris...) }
}

// WithUsers replaces the sample people of [Users].
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

// WithAccessTokenLifetime sets how long access tokens live. Default: 75 minutes, the middle of the 60 to
// 90 that Entra draws from.
func WithAccessTokenLifetime(d time.Duration) Option {
	return func(c *settings) { c.tokenLifetime = d }
}

// WithRefreshIn makes token answers carry refresh_in, after which MSAL renews ahead of time.
// Default: not sent, as for Entra's ordinary tokens.
func WithRefreshIn(d time.Duration) Option {
	return func(c *settings) { c.refreshIn = d }
}

// WithManagerScope sets the scope that /me/manager demands. Default: User.Read, which suffices for one's
// own manager; older tenants and documentation ask for User.Read.All.
func WithManagerScope(scope string) Option {
	return func(c *settings) { c.managerScope = scope }
}

// WithScopes adds delegated permissions beyond Graph's common ones: "Reports.Read.All" is one more of
// Graph, "api://orders/Orders.Read" one of another API, which [WithAPI] describes in full.
func WithScopes(scopes ...string) Option {
	return func(c *settings) { c.extraScopes = append(c.extraScopes, scopes...) }
}

// WithOneTimeRefreshTokens makes a refresh token work once. Entra lets the old one live on, so this is
// for apps that want to be sure they keep the newest.
func WithOneTimeRefreshTokens() Option {
	return func(c *settings) { c.oneTimeRefresh = true }
}

// WithOneTimeAssertions makes a client assertion authenticate one token call. Entra takes it until it expires,
// so this is for apps that want to be sure they sign a new one each time.
func WithOneTimeAssertions() Option {
	return func(c *settings) { c.oneTimeAssertions = true }
}

// WithAutoSignIn signs the account of a login_hint in at once, consent included, without showing a page.
// It is for scripts.
func WithAutoSignIn() Option {
	return func(c *settings) { c.auto = true }
}

// WithHosts sets the host names of the in-process server. Default: login.entra.test and graph.entra.test.
// With login.microsoftonline.com and graph.microsoft.com an app runs with its production URLs.
func WithHosts(login, graph string) Option {
	return func(c *settings) { c.loginHost, c.graphHost = strings.ToLower(login), strings.ToLower(graph) }
}

var guid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

func (c *settings) check() error {
	if len(c.redirectURIs) == 0 {
		c.redirectURIs = []string{DefaultRedirectURI}
	}
	switch {
	case !guid.MatchString(c.tenantID):
		return fmt.Errorf("the tenant id %q is not a GUID", c.tenantID)
	case !guid.MatchString(c.clientID):
		return fmt.Errorf("the client id %q is not a GUID", c.clientID)
	case c.clientSecret == "" && !c.noSecret:
		return errors.New("the client secret is empty")
	case c.loginHost == c.graphHost:
		return errors.New("login and graph need different hosts")
	case c.tokenLifetime <= 0:
		return errors.New("the access token lifetime is not positive")
	}
	if c.noSecret {
		c.clientSecret = ""
	}
	for _, uri := range slices.Concat(c.redirectURIs, c.logoutURIs) {
		if err := checkRedirectURI(uri); err != nil {
			return err
		}
	}
	if c.frontChannel != "" {
		if err := checkRedirectURI(c.frontChannel); err != nil {
			return fmt.Errorf("front-channel logout: %w", err)
		}
	}
	return errors.Join(
		checkCredentials(c.secrets, c.certificates, c.federated),
		checkAPIs(c.apis),
		checkOptionalClaims(c.optionalClaims),
	)
}

// checkRedirectURI applies the rules of the app registration page: https, or http on the local machine;
// no fragment; at most 256 characters. Names below .localhost are the emulator's one indulgence: browser
// tests need a second site that resolves to loopback.
func checkRedirectURI(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("the redirect URI %q is not an absolute URL", uri)
	case len(uri) > 256:
		return fmt.Errorf("the redirect URI %.20q… is longer than 256 characters", uri)
	case u.Fragment != "" || strings.Contains(uri, "*"):
		return fmt.Errorf("the redirect URI %q has a fragment or a wildcard", uri)
	case u.Scheme == "https", u.Scheme == "http" && isLocal(u.Hostname()):
		return nil
	default:
		return fmt.Errorf("the redirect URI %q is neither https nor http on localhost", uri)
	}
}

func isLocal(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1" || strings.HasSuffix(host, ".localhost")
}

// registered tells whether uri is one of the registered ones. entra: the comparison is exact, but the
// port of http://localhost does not count.
func registered(uri string, registrations ...[]string) bool {
	for _, list := range registrations {
		for _, one := range list {
			if uri == one || withoutLocalPort(uri) == withoutLocalPort(one) {
				return true
			}
		}
	}
	return false
}

func withoutLocalPort(uri string) string {
	rest, ok := strings.CutPrefix(uri, "http://localhost:")
	if !ok {
		return uri
	}
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	return "http://localhost" + rest[digits:]
}
