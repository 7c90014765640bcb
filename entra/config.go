package entra

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/fibermsal/fibermsal/internal/web"
)

// ResponseMode is how Entra returns the result of a sign-in to the app.
type ResponseMode string

const (
	// ResponseModeFormPost sends the result in the body of a POST, so it is not recorded in logs or in
	// the browser's history.
	ResponseModeFormPost ResponseMode = "form_post"
	// ResponseModeQuery sends the result in the URL of a GET.
	ResponseModeQuery ResponseMode = "query"
)

// Config configures an app. C is the context type of the web framework, such as *fiber.Ctx. New and
// Open copy the Config, so later changes have no effect and there is no need to keep it. Its functions
// are called concurrently. Printing a Config does not show secrets, except with %p or if the Config is
// an unexported field of another value, because fmt then calls no methods.
type Config[C any] struct {
	// ClientID is the application (client) ID of the registration in Entra.
	//
	// Required.
	ClientID string

	// ClientSecret is a client secret of the registration.
	//
	// Required, unless Credential is set.
	ClientSecret string

	// PreviousSecrets are tried in the given order if Entra rejects ClientSecret. If both the old and
	// the new secret are configured, the secret can be replaced in the registration at any time,
	// without a restart.
	//
	// Optional. Default: none.
	PreviousSecrets []string

	// Credential proves the app's identity by other means: a certificate, a federated token, a
	// managed identity.
	//
	// Optional, instead of ClientSecret.
	Credential ClientCredential

	// TenantID is the tenant whose users may sign in: a GUID or a domain name. With "common" or
	// "organizations", users of several tenants may sign in; then set AllowedTenants or
	// AnyTenantMaySignIn.
	//
	// Required, unless Authority is set.
	TenantID string

	// Authority is the full URL of the authority including the tenant, such as
	// https://login.microsoftonline.com/{tenant}. For an External ID tenant it is
	// https://{name}.ciamlogin.com/{tenant}, or the same with the tenant's custom domain as the host.
	// Azure AD B2C and AD FS are not supported.
	//
	// Optional. Default: the authority of the Cloud for the TenantID.
	Authority string

	// Cloud is the Microsoft cloud that contains the tenant. It determines the default Authority and
	// GraphURL.
	//
	// Optional. Default: PublicCloud, or the cloud of Authority. Both US government clouds use
	// the same login host, so USDoDCloud must be set explicitly.
	Cloud Cloud

	// AllowedTenants are the GUIDs of the tenants whose users may sign in through "common" or
	// "organizations". Personal accounts belong to the tenant
	// 9188040d-6c67-4c5b-b112-36a304b66dad and are refused unless it is listed, or
	// PersonalAccountsMaySignIn is set.
	//
	// Required with "common" and "organizations" without AnyTenantMaySignIn. Otherwise forbidden.
	AllowedTenants []string

	// AnyTenantMaySignIn lets users of every organization in the world sign in through "common" or
	// "organizations". The app must then use User.TenantID to decide what they may do. Personal
	// accounts are still refused, unless PersonalAccountsMaySignIn is set.
	//
	// Optional. Default: false.
	AnyTenantMaySignIn bool

	// PersonalAccountsMaySignIn lets every personal Microsoft account in the world sign in: through
	// "common" in addition to AllowedTenants or AnyTenantMaySignIn, or through "consumers" alone. The
	// registration must allow personal accounts.
	//
	// Optional. Default: false.
	PersonalAccountsMaySignIn bool

	// Scopes are the delegated permissions that are requested at sign-in. All must belong to the same
	// resource. Scopes of Graph may be written with or without Graph's URL. openid, profile and
	// offline_access are always requested and must not be listed.
	//
	// Optional. Default: User.Read.
	Scopes []string

	// Audiences are the App ID URIs of the app's own API as registered, such as
	// https://api.example.com/orders. RequireToken and RequireFrom accept access tokens for any of
	// them, with or without a trailing slash. In challenges, the API's scopes are named with the first
	// one. The client ID (in version 2 tokens) and api:// followed by the client ID (in version 1
	// tokens) are always accepted and need not be listed.
	//
	// Optional. Default: none; challenges then use api:// followed by the ClientID.
	Audiences []string

	// AnyClientMayCall accepts access tokens that have neither scopes nor roles. Every client in an
	// allowed tenant can get such a token without an assignment or consent, so the app itself must
	// decide which clients and users it serves.
	//
	// Optional. Default: false.
	AnyClientMayCall bool

	// APIMetadata publishes where clients get access tokens for the app's API (RFC 9728), at
	// /.well-known/oauth-protected-resource and in the responses to requests without a token. The
	// published resource is the first of Audiences, because Entra accepts no other name
	// (AADSTS9010010). Clients compare it with the URL that they call, so the first of Audiences should
	// be that URL, with a path.
	//
	// Optional. Default: nil; nothing is published.
	APIMetadata *APIMetadata

	// PublicURL is the origin at which browsers reach the app, such as https://app.example.com.
	// Redirect URIs are built from it and never from the request, because the headers of a request can
	// be forged (threat C5). Plain http is accepted for localhost only. Visitors who use another host,
	// such as www.app.example.com or 127.0.0.1, are redirected to PublicURL when they sign in. To serve
	// two sites on two hosts from one Fiber app, use a Config for each, whose Next skips requests for
	// the other host.
	//
	// Required.
	PublicURL string

	// BasePath is the path, such as /myapp, below which browsers reach the app through a proxy. If the
	// proxy removes it from requests, set RoutePrefix as usual. If the proxy keeps it, the app's routes
	// are below it, and RoutePrefix must begin with it, such as /myapp/user. Everything that is sent to
	// browsers includes it: redirect URIs, redirects, the paths of cookies, login URLs and HomeURL.
	// Paths to return to may be given with or without it, and never lead to another app on the same
	// host. Apps that share a host also need different CookieNames.
	//
	// Optional. Default: none.
	BasePath string

	// RoutePrefix is the path under which the routes are mounted, as seen by the app.
	//
	// Optional. Default: /user.
	RoutePrefix string

	// PostLogoutURL is where Entra sends the browser after signing out. It must be registered
	// as a redirect URI.
	//
	// Optional. Default: PublicURL followed by BasePath and "/".
	PostLogoutURL string

	// Storage is where sealed sessions and tokens are kept: the storage of the app's session
	// middleware, [RedisStorage], a file of package embedded for a single server, or any other
	// [Storage]. While it fails, requests that need a session get 503 and users stay signed in. The app
	// must close it after the Auth.
	//
	// Optional. Default: the memory of this process, which is lost at every restart and not visible to
	// other instances.
	Storage Storage

	// Keys seal cookies and records. Each key is 32 random bytes; the newest comes first. The first key
	// seals, and all keys open, so replacing a key takes two deployments: append the new key
	// everywhere, then move it to the front.
	//
	// Required with a Storage, unless it is from package embedded, which keeps a key next to its file.
	// Default without a Storage: a random key.
	Keys [][]byte

	// CookieName is the name of the session cookie. "__Host-" is prepended where browsers allow it.
	// Apps that share a host need different names.
	//
	// Optional. Default: fibermsal.
	CookieName string

	// IdleTimeout ends a session that has not been used for this long. Use extends a session in steps
	// of a tenth of IdleTimeout.
	//
	// Optional. Default: 8 hours. Minimum: 1 second.
	IdleTimeout time.Duration

	// AbsoluteTimeout ends a session this long after its sign-in, whether it is used or not.
	//
	// Optional. Default: 24 hours, or IdleTimeout if that is longer.
	AbsoluteTimeout time.Duration

	// MaxSessionsPerUser is how many sessions a user may have at the same time, for example in
	// different browsers. A further sign-in ends the oldest session.
	//
	// Optional. Default: 100. Maximum: 10,000.
	MaxSessionsPerUser int

	// CacheMegabytes limits the memory in which this process caches sessions and tokens. Each takes
	// about 4 kB, and garbage takes up to as much again. While a session and its token are cached, a
	// request that uses the token costs one command of the storage. The least recently used entries are
	// evicted first; reading one again costs a second command and less than 0.1 ms. Verified access
	// tokens of clients take up to an eighth of this size in addition, with a minimum of 4 MB. See
	// docs/production.md for how to choose a value.
	//
	// Optional. Default: 512, or a quarter of the memory that the process may use, if that is less.
	// Maximum: 1,000,000.
	CacheMegabytes int

	// ResponseMode is how Entra returns the result of a sign-in.
	//
	// Optional. Default: ResponseModeFormPost, or ResponseModeQuery if PublicURL uses plain http.
	ResponseMode ResponseMode

	// HTTPClient calls Entra and Graph. Set it for a proxy or a private certificate authority. For
	// Entra, only its Transport is used. Timeouts, sizes and redirects are limited in any case. An
	// *http.Transport is copied, and the copy checks its HTTP/2 connections; for other transports see
	// docs/production.md.
	//
	// Optional. Default: a client that uses the proxies of the environment.
	HTTPClient *http.Client

	// GraphURL is the root URL of Microsoft Graph. It must end in /v1.0.
	//
	// Optional. Default: Graph in the Cloud, such as https://graph.microsoft.com/v1.0.
	GraphURL string

	// Logger receives warnings, the causes of failed requests and audit records, without credentials.
	// With Redis it also receives the log of go-redis, which has a single logger for the whole process,
	// unless the app has called redis.SetLogger.
	//
	// Optional. Default: slog.Default().
	Logger *slog.Logger

	// Next skips the middleware for a request if it returns true. Handlers behind the middleware then
	// see no signed-in user, except the user of another middleware with another PublicURL.
	//
	// Optional. Default: nil.
	Next func(C) bool

	// ErrorHandler answers a request that failed with an [*Error]. It is not called for errors that the
	// middleware fixes with a sign-in, such as [ErrLoginRequired]. Only the headers Cache-Control,
	// Retry-After and, for 401, WWW-Authenticate are already set on the response. If ErrorHandler
	// returns an error, the web framework's ErrorHandler gets it.
	//
	// Optional. Default: a page if the request accepts text/html, otherwise problem+json (RFC 9457).
	ErrorHandler func(C, error) error

	// Pages renders the library's pages instead of the built-in ones: error pages, and the page that
	// asks for confirmation of a sign-out. The status and the headers against caching and framing are
	// already set; the app must set a Content-Security-Policy. If Pages returns an error, the web
	// framework's ErrorHandler gets it. Accept-Language determines the [Page]'s Language. The title of
	// problem+json is always in English, because programs read it.
	//
	// Optional. Default: plain pages without scripts.
	Pages func(C, Page) error

	// BeforeSignIn is called before each sign-in sends the browser to Entra, whether a guarded page,
	// StartSignIn or a link to the login route started it. Its context is that of the request to the
	// login route. It may change the options, for example set a LoginHint that the app has stored in a
	// cookie. It may refuse the sign-in by returning an error, which is answered like an error of a
	// handler. An error that only a sign-in could fix is answered with 500, because it would lead here
	// again. Other requirements of the page, such as claims, are not affected.
	//
	// Optional. Default: nil.
	BeforeSignIn func(C, *SignInOptions) error

	// OnSignIn is called after a user has been verified and before the session begins. It may complete
	// the User, and it may refuse the sign-in by returning an error. The user then sees a refusal,
	// without the text of the error, and can choose another account; an [*Error] is shown unchanged. If
	// OnSignIn returns the error of [StartSignIn], the user is asked to choose another account
	// immediately. graph.Profile is an OnSignIn that loads mail, name and manager; ID tokens contain no
	// mail address unless the registration adds the optional claim email. The context ends after 10 s.
	//
	// Optional. Default: nil.
	OnSignIn func(context.Context, *SignIn) error

	// OnSignOut is called after a session has ended because the user signed out here, or at Entra
	// through the front-channel logout URL, or because EndSessions ended it. It is called once for each
	// session, unless several calls end the session at the same time. It is not called for sessions
	// that were ended by a timeout or by another sign-in, or if the session could not be read or ended.
	// The user is a copy. The browser, or the caller of EndSessions, waits for the function. Its
	// context is that of the request or the call, limited to 10 seconds. An error or a panic is logged
	// and has no other effect. The function runs in the process that ends the session, so it does not
	// run for sessions that cmd/fibermsal ends.
	//
	// Optional. Default: nil.
	OnSignOut func(context.Context, *User) error

	// Groups returns those of the groups ids that the user of a credential is a member of. [InGroup]
	// calls it if the ID token does not contain the groups. graph.Groups is such a function; it calls
	// Graph. An error that is not an [*Error] is answered with 503. Concurrent requests of a session
	// that check the same groups share one call. The context of the call carries the span of one of
	// these requests and ends after 5 seconds.
	//
	// Optional. Default: nil.
	Groups func(ctx context.Context, user azcore.TokenCredential, ids []string) ([]string, error)

	// Info adds fields to the JSON of GET /user/info. The keys are the names of the fields. If a user
	// is signed in, the functions are called one after another, in no particular order; each gets its
	// own copy of the user. They replace values of SignIn.Set with the same name, but not the library's
	// own fields. If a function returns an error, its field is null and the error is logged. If a value
	// cannot be encoded as JSON, the request fails.
	//
	// Everything that these functions return is sent to the browser.
	//
	// Optional. Default: nil.
	Info map[string]func(C, *User) (any, error)

	// RecordBrowser stores the browser and the operating system with a session, such as "Firefox on
	// Linux", for SessionInfo. Nothing else of the User-Agent header is stored.
	//
	// Optional. Default: false.
	RecordBrowser bool

	// StaleSessionsOnOutage lets this process serve cached sessions while the storage fails, if the
	// storage confirmed them less than this long ago. Sign-outs on other instances are not noticed
	// during that time.
	//
	// Optional. Default: 0; requests get 503. Maximum: 15 minutes.
	StaleSessionsOnOutage time.Duration

	// KeepFragment returns users to the fragment of a page's URL, such as #/orders/7, which browsers do
	// not send to servers. Before a sign-in, the login route then shows a page with a short script, and
	// sends a Content-Security-Policy that allows the script by its hash. Any other policy, such as one
	// that a proxy adds, must also allow the script; otherwise the page continues after a second,
	// without the fragment. A fragment of more than about 1,000 characters is not kept. The fragment
	// becomes part of the login URL and therefore of logs, so it must not contain secrets.
	//
	// Optional. Default: false; no page of the library has a script.
	KeepFragment bool

	// AnonymousOnOutage sends a handler's response even if the storage failed when the handler called
	// [FromContext], so that the handler saw no signed-in user. Set it only if all such pages are also
	// correct for visitors. If it is off, such requests get 503.
	//
	// Optional. Default: false.
	AnonymousOnOutage bool
}

// DefaultRoutePrefix is the default of Config.RoutePrefix.
const DefaultRoutePrefix = "/user"

// Page is one of the library's pages, for Config.Pages to render. It has a Status and a Code, the
// Language of its texts, a Message and a Detail, a CorrelationID for the administrator, and the links
// SignInURL, RetryURL, HomeURL, and SignOutURL with SignOutOrigin. Each link has a text. Fields that do
// not apply are empty.
type Page = web.Page
