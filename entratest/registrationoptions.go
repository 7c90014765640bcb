package entratest

import (
	"crypto/x509"
	"slices"
	"strings"
)

// WithClient sets the registered application: its id, a GUID, and its secret.
// Default: Microsoft's documentation placeholder and a random secret.
func WithClient(id, secret string) Option {
	return func(c *settings) { c.clientID, c.clientSecret = strings.ToLower(id), secret }
}

// WithClientID sets only the registered application's id.
func WithClientID(id string) Option {
	return func(c *settings) { c.clientID = strings.ToLower(id) }
}

// WithClientSecret sets only the registered application's secret.
func WithClientSecret(secret string) Option {
	return func(c *settings) { c.clientSecret = secret }
}

// WithoutClientSecret registers no client secret by default: Server.ClientSecret is empty, and unless
// WithSecrets adds some, only assertions authenticate the application. Default: a random secret.
func WithoutClientSecret() Option {
	return func(c *settings) { c.noSecret = true }
}

// WithSecrets registers further client secrets beside the one of [WithClientSecret]: Entra accepts all that
// have not expired, so that an app can change from one to the next. Default: none. Repeated use adds.
func WithSecrets(secrets ...Secret) Option {
	return func(c *settings) { c.secrets = append(c.secrets, secrets...) }
}

// WithCertificate registers certificates with RSA keys, whose holder authenticates by a signed assertion
// (private_key_jwt). Default: none. Repeated use adds, because during a rotation there are several.
func WithCertificate(certificates ...*x509.Certificate) Option {
	return func(c *settings) { c.certificates = append(c.certificates, certificates...) }
}

// WithFederatedCredential registers federated credentials. Default: none. Repeated use adds.
func WithFederatedCredential(credentials ...FederatedCredential) Option {
	return func(c *settings) { c.federated = append(c.federated, credentials...) }
}

// WithRedirectURI registers redirect URIs (type Web). They match exactly, the path case-sensitively; only
// the port of http://localhost is ignored. They may also be used after logout. Default:
// [DefaultRedirectURI]. Repeated use adds.
func WithRedirectURI(uris ...string) Option {
	return func(c *settings) { c.redirectURIs = append(c.redirectURIs, uris...) }
}

// WithSPARedirectURI registers redirect URIs of single-page apps, which are public clients: PKCE is compulsory, codes
// and refresh tokens are redeemed without a credential by calls from the URI's origin, as browsers make them, and
// refresh tokens end a day after the sign-in. The token endpoint answers such pages with CORS headers, and after Listen
// on the plain http of [Server.BrowserURL], too, because browsers do not trust the certificate of https: MSAL Browser
// takes the configuration that is there as its authorityMetadata. Default: none. Repeated use adds.
func WithSPARedirectURI(uris ...string) Option {
	return func(c *settings) { c.spaURIs = append(c.spaURIs, uris...) }
}

// WithLogoutURI registers further URIs that a browser may be sent to after logout.
func WithLogoutURI(uris ...string) Option {
	return func(c *settings) { c.logoutURIs = append(c.logoutURIs, uris...) }
}

// WithFrontChannelLogout registers the application's front-channel logout URL: https, or http on localhost.
// When a browser signs out of a session that the application belongs to, the page loads the URL in a hidden
// frame with the session's sid, whichever application requested the sign-out. Default: none. As in Entra there
// is only one.
func WithFrontChannelLogout(uri string) Option {
	return func(c *settings) { c.frontChannel = uri }
}

// WithFrontChannelIssuer makes front-channel requests carry iss beside sid, as the specification demands.
// Default: sid alone, as recorded from Entra.
func WithFrontChannelIssuer() Option {
	return func(c *settings) { c.frontChannelIssuer = true }
}

// WithScopes adds delegated permissions beyond Graph's common ones: "Reports.Read.All" is another one
// of Graph, "api://orders/Orders.Read" one of another API, which [WithAPI] describes in full. Of an API that
// WithAPI describes, it is one that exists and that the app is not registered with: .default does not include it.
func WithScopes(scopes ...string) Option {
	return func(c *settings) { c.extraScopes = append(c.extraScopes, scopes...) }
}

// WithAdminScopes names delegated permissions that only an administrator may consent to ([User].Admin, or
// [Server.GrantAdminConsent] for everybody). Other users see AADSTS90094 and the app sees nothing. Default:
// none, though in Entra many of Graph's, like Directory.Read.All, are of this kind. Repeated use adds.
func WithAdminScopes(scopes ...string) Option {
	return func(c *settings) { c.adminScopes = append(c.adminScopes, scopes...) }
}

// WithAPI registers further APIs. Their access tokens are JWTs (v2.0) signed with the published keys, so that
// a resource server can verify them; Graph refuses them. Default: none but those of [WithScopes]. Repeated
// use adds.
func WithAPI(apis ...API) Option {
	return func(c *settings) { c.apis = append(c.apis, apis...) }
}

// WithAppPermissions grants the application permissions of its own, for tokens without a user
// (client_credentials): "User.Read.All" is Graph's, "api://orders/Orders.Process" another API's. They are
// the roles of its tokens. Default: none, so its tokens permit nothing. Repeated use adds.
func WithAppPermissions(permissions ...string) Option {
	return func(c *settings) { c.appPermissions = append(c.appPermissions, permissions...) }
}

// WithOptionalClaims sets the optional claims that the registration has for ID tokens, of acct, acrs,
// auth_time, email, family_name, given_name, groups, login_hint, sid and upn; without names, none. auth_time
// is also issued to a request with max_age, acrs to one that requests it. Default: acct, auth_time, groups,
// login_hint and sid.
func WithOptionalClaims(names ...string) Option {
	return func(c *settings) { c.optionalClaims = slices.Clone(names) }
}
