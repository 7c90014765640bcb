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
	// ResponseModeFormPost sends it in the body of a POST, where no log and no browser history
	// records it.
	ResponseModeFormPost ResponseMode = "form_post"
	// ResponseModeQuery sends it in the URL of a GET.
	ResponseModeQuery ResponseMode = "query"
)

// Config configures an app. C is the context type of the web framework, *fiber.Ctx for
// example. It is copied; later changes have no effect. Requests call its functions
// concurrently. Printing a Config shows no secret, except by %p, or as an unexported field of
// another value: fmt calls no method there. New and Open copy it, so there is no need to keep one.
type Config[C any] struct {
	// ClientID is the application (client) ID of the registration in Entra.
	//
	// Required.
	ClientID string

	// ClientSecret is a client secret of the registration.
	//
	// Required, unless Credential is set.
	ClientSecret string

	// PreviousSecrets are tried in their order if Entra rejects ClientSecret. With the old and
	// the new secret both configured, a secret can be replaced at any time without a restart.
	//
	// Optional. Default: none.
	PreviousSecrets []string

	// Credential proves the app's identity by other means: a certificate, a federated token, a
	// managed identity.
	//
	// Optional, instead of ClientSecret.
	Credential ClientCredential

	// TenantID is the tenant whose users may sign in: a GUID or a domain name. "common" and
	// "organizations" let users of other tenants sign in, and require AllowedTenants or
	// AnyTenantMaySignIn.
	//
	// Required, unless Authority is set.
	TenantID string

	// Authority is the full URL of the authority with the tenant, such as
	// https://login.microsoftonline.com/{tenant}. That of an External ID tenant is
	// https://{name}.ciamlogin.com/{tenant}, or has its custom domain as host. Azure AD B2C and
	// AD FS are not supported.
	//
	// Optional. Default: that of the Cloud with the TenantID.
	Authority string

	// Cloud is the Microsoft cloud that the tenant is in. It determines the default Authority
	// and GraphURL.
	//
	// Optional. Default: PublicCloud, or the cloud of Authority. Both US government clouds use
	// the same login host, so USDoDCloud must be set explicitly.
	Cloud Cloud

	// AllowedTenants are the GUIDs of the tenants whose users may sign in through "common" or
	// "organizations". Personal accounts belong to the tenant
	// 9188040d-6c67-4c5b-b112-36a304b66dad and are refused unless it is listed, or
	// PersonalAccountsMaySignIn is set.
	//
	// Required with "common" and "organizations", unless AnyTenantMaySignIn is set; forbidden
	// otherwise.
	AllowedTenants []string

	// AnyTenantMaySignIn lets users of every organization in the world sign in through "common"
	// or "organizations". The app must then decide by User.TenantID what they may do. Personal
	// accounts are still refused, unless PersonalAccountsMaySignIn is set.
	//
	// Optional. Default: false.
	AnyTenantMaySignIn bool

	// PersonalAccountsMaySignIn lets users of personal Microsoft accounts sign in, everybody in the
	// world, beside AllowedTenants or AnyTenantMaySignIn through "common", or alone through
	// "consumers". The registration must allow them.
	//
	// Optional. Default: false.
	PersonalAccountsMaySignIn bool

	// Scopes are the delegated permissions that are requested at sign-in, all of one resource.
	// Scopes of Graph may be written with or without its address. openid, profile and
	// offline_access are always requested and must not be listed.
	//
	// Optional. Default: User.Read.
	Scopes []string

	// Audiences are the App ID URIs of the app's own API, as the registration has them, such as
	// https://api.example.com/orders: access tokens for one of them are accepted by RequireToken and
	// RequireFrom, with or without a slash at its end. The first one names the API's scopes in
	// challenges. The client ID for tokens of version 2, and api:// with the client ID for those of version 1,
	// are accepted without being listed.
	//
	// Optional. Default: none, and api:// with the ClientID in challenges.
	Audiences []string

	// AnyClientMayCall accepts access tokens with neither scopes nor roles. Every client of an admitted
	// tenant can get such a token, without an assignment or anybody's consent, so the app must decide
	// itself which clients and users it serves.
	//
	// Optional. Default: false.
	AnyClientMayCall bool

	// APIMetadata publishes where clients get access tokens for the app's API (RFC 9728), at
	// /.well-known/oauth-protected-resource and in the answers to requests without a token. The resource
	// is the first of Audiences: Entra accepts no other name (AADSTS9010010), and clients compare it with
	// the address that they call, so it should be that address, with a path.
	//
	// Optional. Default: nil, nothing is published.
	APIMetadata *APIMetadata

	// PublicURL is the origin under which browsers reach the app, such as
	// https://app.example.com. Redirect URIs are built from it and never from the request,
	// because anybody can forge its headers (threat C5). Plain http is accepted for localhost
	// only. Visitors of another host, such as www.app.example.com or 127.0.0.1, are redirected to
	// it when they sign in. Two apps on two hosts in one Fiber app have a Config each, whose
	// Next skips the other's host.
	//
	// Required.
	PublicURL string

	// BasePath is the path below which browsers reach the app, such as /myapp, in front of which a
	// proxy is. If the proxy strips it, the app sees its paths without, and RoutePrefix is as usual.
	// If the proxy keeps it, the app has its routes below it, and RoutePrefix begins with it, such
	// as /myapp/user. Everything that browsers get includes it: redirect URIs, redirects, the
	// cookies' paths, login URLs and HomeURL. Paths to return to may be written as browsers see them,
	// or as the app does, and lead to no other app of the host. Apps that share a host also need
	// different CookieNames.
	//
	// Optional. Default: none.
	BasePath string

	// RoutePrefix is the path under which the routes are mounted, as the app sees it.
	//
	// Optional. Default: /user.
	RoutePrefix string

	// PostLogoutURL is where Entra sends the browser after signing out. It must be registered
	// as a redirect URI.
	//
	// Optional. Default: PublicURL with the BasePath and "/".
	PostLogoutURL string

	// Storage is where sessions and tokens are kept, sealed: the storage of the app's session
	// middleware, [RedisStorage], a file of package embedded for a single server, or any other;
	// see [Storage] for what it must do. While it
	// fails, requests that need a session get 503, and users stay signed in. The app closes it,
	// after the Auth.
	//
	// Optional. Default: the memory of this process, which is lost with every restart and not
	// visible to other instances.
	Storage Storage

	// Keys seal cookies and records: 32 random bytes each, newest first. The first key seals
	// and all keys open, so a key is replaced in two deployments: append the new key
	// everywhere, then move it to the front.
	//
	// Required with Storage, except that of package embedded, which keeps a key beside its file.
	// Default without: a random key.
	Keys [][]byte

	// CookieName is the name of the session cookie. "__Host-" is prepended wherever browsers
	// allow it. Apps that share a host need different names.
	//
	// Optional. Default: fibermsal.
	CookieName string

	// IdleTimeout ends a session that has not been used for that long. The end moves in steps
	// of a tenth of it.
	//
	// Optional. Default: 8 hours. At least a second.
	IdleTimeout time.Duration

	// AbsoluteTimeout ends a session that long after its sign-in, whether it is used or not.
	//
	// Optional. Default: 24 hours, or IdleTimeout if that is longer.
	AbsoluteTimeout time.Duration

	// MaxSessionsPerUser is how many sessions a user may have at the same time, in as many
	// browsers. A sign-in beyond it ends the oldest session.
	//
	// Optional. Default: 100. At most 10,000.
	MaxSessionsPerUser int

	// CacheMegabytes bounds the memory in which this process remembers sessions and tokens, about
	// 4 kB each, and as much again for garbage. While they are remembered, a request that uses a token
	// costs one command of the storage. The least recently used ones are forgotten first, which
	// costs a second command and less than 0.1 ms. Verified access tokens of clients take up to an eighth
	// of it besides. See docs/production.md for a choice.
	//
	// Optional. Default: 512, or a quarter of the memory that the process may use if that is less.
	// At most 1,000,000.
	CacheMegabytes int

	// ResponseMode is how Entra returns the result of a sign-in.
	//
	// Optional. Default: ResponseModeFormPost, or ResponseModeQuery if PublicURL is plain http.
	ResponseMode ResponseMode

	// HTTPClient reaches Entra and Graph, for proxies and private certificate authorities. Only
	// its Transport is used to reach Entra. Time-outs, sizes and redirects are limited in any
	// case. An *http.Transport is copied, and the HTTP/2 connections of the copy are checked;
	// for other transports see docs/production.md.
	//
	// Optional. Default: a client that uses the proxies of the environment.
	HTTPClient *http.Client

	// GraphURL is the root of Microsoft Graph. It ends in /v1.0.
	//
	// Optional. Default: that of the cloud, https://graph.microsoft.com/v1.0.
	GraphURL string

	// Logger receives warnings, the causes of failed requests and the audit, without
	// credentials. With Redis it also receives the log of go-redis, which has one for the whole
	// process, unless the app has called redis.SetLogger.
	//
	// Optional. Default: slog.Default().
	Logger *slog.Logger

	// Next skips the middleware for a request if it returns true. Handlers behind the
	// middleware then see no signed-in user, except that of another middleware with another
	// PublicURL.
	//
	// Optional. Default: nil.
	Next func(C) bool

	// ErrorHandler answers a request that failed with an [*Error], unless it matches
	// [ErrLoginRequired] or another error that the middleware fixes by a sign-in. Of the
	// response, only Cache-Control, Retry-After and, for 401, WWW-Authenticate are set. An error that it returns goes to
	// the app's ErrorHandler of the web framework.
	//
	// Optional. Default: a page for requests that accept text/html, problem+json (RFC 9457) for
	// others.
	ErrorHandler func(C, error) error

	// Pages draws the library's few pages in place of the built-in ones: errors, and the
	// question whether to sign out. The status and the headers against caching and framing are
	// set; the app sets a Content-Security-Policy. An error goes to the app's ErrorHandler of
	// the web framework. Accept-Language selects the [Page]'s Language. The title of problem+json
	// is always in English, because programs read it.
	//
	// Optional. Default: plain pages without scripts.
	Pages func(C, Page) error

	// BeforeSignIn is called before the browser is sent to Entra, for each sign-in: of a guarded page,
	// of StartSignIn, and of a link to the login route, whose request it gets. It may change the
	// options, such as a LoginHint that the app knows from a cookie of its own, and refuse the
	// sign-in by returning an error, which is answered as that of a handler. An error that only a
	// sign-in fixes would lead here again, and is answered with 500. What a page requires
	// besides, such as claims, is not affected.
	//
	// Optional. Default: nil.
	BeforeSignIn func(C, *SignInOptions) error

	// OnSignIn is called when a user has been verified and before the session begins.
	// graph.Profile is such a function, which loads mail, name and manager. ID tokens contain
	// no mail address unless the registration adds the optional claim email. OnSignIn may
	// complete the user, and refuse the sign-in by returning an error. The user is shown a
	// refusal without its text, or an [*Error] unchanged, and may use another account. With the error
	// of [StartSignIn], the user chooses another account at once. The context ends after 10 seconds.
	//
	// Optional. Default: nil.
	OnSignIn func(context.Context, *SignIn) error

	// OnSignOut is called when a user has signed out, here or at Entra through the
	// front-channel logout URL, and when EndSessions has signed the user out: after the session
	// has ended, and once for each session unless several calls end it at the same time. It is
	// not called for sessions that their timeout or another sign-in ended, nor for a sign-out
	// whose session could not be read or ended. The user is a copy. The browser, or the caller
	// of EndSessions, waits for the function, whose context is that of the request or the call
	// and ends after 10 seconds. An error or a panic is logged and changes nothing else. The
	// function runs in the process that ends the session, and so not if cmd/fibermsal does.
	//
	// Optional. Default: nil.
	OnSignOut func(context.Context, *User) error

	// Groups returns which of some groups the user of a credential is a member of. [InGroup]
	// calls it if the id_token does not contain the groups; graph.Groups asks Graph. An error
	// that is not an [*Error] is answered with 503. Concurrent requests of a session with the
	// same question share one call. Its context carries the span of one of them, and ends
	// after 5 seconds.
	//
	// Optional. Default: nil.
	Groups func(ctx context.Context, user azcore.TokenCredential, ids []string) ([]string, error)

	// Info adds fields to the JSON of GET /user/info, by their names. The functions are called
	// one after another, in no order, if a user is signed in; each gets its own copy of the
	// user. They replace values of SignIn.Set of the same name, but not the library's own
	// fields. If a function returns an error, its field is null and the error is logged. If a
	// value cannot be encoded as JSON, the request fails.
	//
	// Everything that a function returns is sent to the browser.
	//
	// Optional. Default: nil.
	Info map[string]func(C, *User) (any, error)

	// RecordBrowser stores the family of the browser with a session, such as "Firefox on
	// Linux", for SessionInfo. Nothing else of the User-Agent is stored.
	//
	// Optional. Default: false.
	RecordBrowser bool

	// StaleSessionsOnOutage serves sessions from this process's memory while the storage fails,
	// if the storage confirmed them less than that long ago. A sign-out on another instance is
	// not noticed meanwhile.
	//
	// Optional. Default: 0, requests get 503. At most 15 minutes.
	StaleSessionsOnOutage time.Duration

	// KeepFragment lets users return to the fragment of a page's URL, such as #/orders/7, which
	// browsers do not send. Before a sign-in, the login route then shows a page with a short
	// script, for which it sends a Content-Security-Policy with its hash. Another policy, such as that
	// of a proxy, must allow the script; otherwise the page goes on after a second, without the
	// fragment. One of more than about 1,000 characters is left out, too. The fragment becomes part of
	// the login URL and its log lines, so it must not be a secret.
	//
	// Optional. Default: false, no page of the library has a script.
	KeepFragment bool

	// AnonymousOnOutage serves a handler's answer although the storage failed when the handler
	// called [FromContext], as if no user were signed in. It is only for pages that are also
	// correct for visitors. If it is off, such requests get 503.
	//
	// Optional. Default: false.
	AnonymousOnOutage bool
}

// DefaultRoutePrefix is the RoutePrefix of a Config that has none.
const DefaultRoutePrefix = "/user"

// Page is one of the library's pages, for Config.Pages to draw: its Status and Code, the Language of its
// texts, the Message and Detail, the CorrelationID for the administrator, and the links SignInURL, RetryURL,
// HomeURL, and SignOutURL with SignOutOrigin, each with its text, of which those that do not apply are empty.
type Page = web.Page
