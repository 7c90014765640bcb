package entratest

import (
	"crypto/x509"
	"slices"
	"strings"
)

// WithClient sets the client ID, a GUID, and the secret of the registered application. Default: the
// placeholder in Microsoft's documentation, and a random secret.
func WithClient(id, secret string) Option {
	return func(c *settings) { c.clientID, c.clientSecret = strings.ToLower(id), secret }
}

// WithClientID sets only the client ID of the registered application.
func WithClientID(id string) Option {
	return func(c *settings) { c.clientID = strings.ToLower(id) }
}

// WithClientSecret sets only the secret of the registered application.
func WithClientSecret(secret string) Option {
	return func(c *settings) { c.clientSecret = secret }
}

// WithoutClientSecret registers the application without a client secret. Server.ClientSecret is empty,
// and unless WithSecrets adds secrets, only assertions authenticate the application. Default: a random
// secret.
func WithoutClientSecret() Option {
	return func(c *settings) { c.noSecret = true }
}

// WithSecrets registers client secrets in addition to that of [WithClientSecret]. Like Entra, the
// emulator accepts every secret that has not expired, so that an app can switch from one to the next.
// Default: none. The option can be repeated.
func WithSecrets(secrets ...Secret) Option {
	return func(c *settings) { c.secrets = append(c.secrets, secrets...) }
}

// WithCertificate registers certificates with RSA keys, with which the application authenticates by a
// signed assertion (private_key_jwt). Default: none. The option can be repeated; during a rotation
// there are several certificates.
func WithCertificate(certificates ...*x509.Certificate) Option {
	return func(c *settings) { c.certificates = append(c.certificates, certificates...) }
}

// WithFederatedCredential registers federated credentials. Default: none. The option can be repeated.
func WithFederatedCredential(credentials ...FederatedCredential) Option {
	return func(c *settings) { c.federated = append(c.federated, credentials...) }
}

// WithRedirectURI registers redirect URIs (type Web). They must match exactly, and the path is
// case-sensitive; only the port of http://localhost is ignored. They may also be used after logout.
// Default: [DefaultRedirectURI]. The option can be repeated.
func WithRedirectURI(uris ...string) Option {
	return func(c *settings) { c.redirectURIs = append(c.redirectURIs, uris...) }
}

// WithSPARedirectURI registers redirect URIs of single-page apps, which are public clients: PKCE is
// required, codes and refresh tokens are redeemed without a credential by browser requests from the
// URI's origin, and refresh tokens expire a day after the sign-in. The token endpoint sends CORS
// headers to such pages. After Listen it is also served over plain http at [Server.BrowserURL], because
// browsers do not trust the https certificate; use the configuration that is published there as MSAL
// Browser's authorityMetadata. Default: none. The option can be repeated.
func WithSPARedirectURI(uris ...string) Option {
	return func(c *settings) { c.spaURIs = append(c.spaURIs, uris...) }
}

// WithLogoutURI registers further URIs to which browsers may be redirected after logout.
func WithLogoutURI(uris ...string) Option {
	return func(c *settings) { c.logoutURIs = append(c.logoutURIs, uris...) }
}

// WithFrontChannelLogout registers the application's front-channel logout URL: https, or http on
// localhost. When a user signs out of a session in which the application has taken part, the sign-out
// page loads the URL in a hidden frame with the session's sid, whichever application requested the
// sign-out. Default: none. As in Entra, there can be only one.
func WithFrontChannelLogout(uri string) Option {
	return func(c *settings) { c.frontChannel = uri }
}

// WithFrontChannelIssuer adds iss to front-channel requests, as the specification requires. Default:
// sid only, as observed with Entra.
func WithFrontChannelIssuer() Option {
	return func(c *settings) { c.frontChannelIssuer = true }
}

// WithScopes adds delegated permissions beyond Graph's common ones, such as "Reports.Read.All" for
// Graph or "api://orders/Orders.Read" for another API. [WithAPI] describes an API in full; a permission
// that WithScopes adds to such an API exists, but the app is not registered for it, so .default does
// not include it.
func WithScopes(scopes ...string) Option {
	return func(c *settings) { c.extraScopes = append(c.extraScopes, scopes...) }
}

// WithAdminScopes names delegated permissions to which only an administrator may consent: a user with
// [User].Admin, or [Server.GrantAdminConsent] for all users. Other users see AADSTS90094, and the app
// gets no response. Default: none, although in Entra many of Graph's permissions, such as
// Directory.Read.All, are of this kind. The option can be repeated.
func WithAdminScopes(scopes ...string) Option {
	return func(c *settings) { c.adminScopes = append(c.adminScopes, scopes...) }
}

// WithAPI registers further APIs. Their access tokens are JWTs that are signed with the published keys,
// so that a resource server can verify them. Graph refuses them. Default: only the APIs of
// [WithScopes]. The option can be repeated.
func WithAPI(apis ...API) Option {
	return func(c *settings) { c.apis = append(c.apis, apis...) }
}

// WithAppPermissions grants application permissions, for tokens without a user (client_credentials),
// such as "User.Read.All" for Graph or "api://orders/Orders.Process" for another API. They become the
// roles in these tokens. Default: none; the tokens then permit nothing. The option can be repeated.
func WithAppPermissions(permissions ...string) Option {
	return func(c *settings) { c.appPermissions = append(c.appPermissions, permissions...) }
}

// WithOptionalClaims sets the optional claims of the registration for ID tokens: any of acct, acrs,
// auth_time, email, family_name, given_name, groups, login_hint, sid and upn. Without names, there are
// none. auth_time is also issued if the request has max_age, and acrs if the request asks for it.
// Default: acct, auth_time, groups, login_hint and sid.
func WithOptionalClaims(names ...string) Option {
	return func(c *settings) { c.optionalClaims = slices.Clone(names) }
}
