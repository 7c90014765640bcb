package fibermsal

import (
	"context"
	"crypto/tls"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/gofiber/fiber/v2"
	fiberredis "github.com/gofiber/storage/redis/v3"

	"github.com/fibermsal/fibermsal/entra"
)

// The types of the package entra, which does not depend on Fiber.
type (
	// Config configures an app, see [entra.Config] for its fields. Its functions get *fiber.Ctx.
	Config = entra.Config[*fiber.Ctx]
	// ConfigError is a problem with one field of a Config.
	ConfigError = entra.ConfigError
	// Page is one of the library's pages, for Config.Pages to draw.
	Page = entra.Page
	// ResponseMode is how Entra returns the result of a sign-in to the app.
	ResponseMode = entra.ResponseMode
	// Cloud is one of Microsoft's clouds.
	Cloud = entra.Cloud
	// ClientCredential proves the app's own identity to Entra.
	ClientCredential = entra.ClientCredential
	// ClientCredentialFunc is a function that implements ClientCredential.
	ClientCredentialFunc = entra.ClientCredentialFunc
	// Error is an error with a public message and a private cause for the log.
	Error = entra.Error
	// User is a signed-in user.
	User = entra.User
	// SignIn is a verified sign-in whose session is about to begin, see Config.OnSignIn.
	SignIn = entra.SignIn
	// DelegatedUser is a signed-in user for whom background jobs act.
	DelegatedUser = entra.DelegatedUser
	// SignInOptions control a sign-in, for StartSignIn and Config.BeforeSignIn.
	SignInOptions = entra.SignInOptions
	// Prompt makes Entra show a page during a sign-in even if the user is signed in there.
	Prompt = entra.Prompt
	// SignOutOptions control SignOut.
	SignOutOptions = entra.SignOutOptions
	// SessionInfo is a session as an administrator sees it.
	SessionInfo = entra.SessionInfo
	// SessionFilter selects sessions.
	SessionFilter = entra.SessionFilter
	// CleanOptions control CleanSessions.
	CleanOptions = entra.CleanOptions
	// CleanReport is what CleanSessions found.
	CleanReport = entra.CleanReport
	// Report is what Doctor found.
	Report = entra.Report
	// Finding is the result of one check of Doctor.
	Finding = entra.Finding
	// Severity is how bad a Finding is.
	Severity = entra.Severity
	// Readiness reports whether users can sign in and stay signed in.
	Readiness = entra.Readiness
	// Routes are routes that a package offers, for RegisterRoutes.
	Routes = entra.Routes
	// Route is one of Routes.
	Route = entra.Route
	// Reply is the response of a Route.
	Reply = entra.Reply
	// Locals is what the library needs of a request. Fiber's context implements it.
	Locals = entra.Locals
	// Callers are the kinds of callers that a route accepts, for RequireFrom.
	Callers = entra.Callers
	// TokenInfo is the access token with which a client called.
	TokenInfo = entra.TokenInfo
	// APIMetadata is what an app publishes about its API.
	APIMetadata = entra.APIMetadata
	// RedisOption sets what a Redis URL cannot express.
	RedisOption = entra.RedisOption
)

// The response modes, see [entra.ResponseMode].
const (
	ResponseModeFormPost = entra.ResponseModeFormPost
	ResponseModeQuery    = entra.ResponseModeQuery
)

// The kinds of callers, see [entra.Callers].
const (
	Sessions   = entra.Sessions
	UserTokens = entra.UserTokens
	AppTokens  = entra.AppTokens
)

// SessionParts is the number of parts into which all sessions are divided, see [SessionFilter].
const SessionParts = entra.SessionParts

// The prompts, see [entra.Prompt].
const (
	PromptSelectAccount = entra.PromptSelectAccount
	PromptLogin         = entra.PromptLogin
	PromptCreate        = entra.PromptCreate
)

// The clouds, see [entra.Cloud].
const (
	PublicCloud       = entra.PublicCloud
	USGovernmentCloud = entra.USGovernmentCloud
	USDoDCloud        = entra.USDoDCloud
	ChinaCloud        = entra.ChinaCloud
	BleuCloud         = entra.BleuCloud
	DelosCloud        = entra.DelosCloud
	GovSGCloud        = entra.GovSGCloud
)

// The severities, see [entra.Severity].
const (
	SeverityOK      = entra.SeverityOK
	SeverityWarning = entra.SeverityWarning
	SeverityError   = entra.SeverityError
)

// Errors to compare with errors.Is. Handlers may also return them.
var (
	// ErrLoginRequired means that no user is signed in, or that the user's tokens cannot be
	// renewed without the user. The middleware starts a sign-in.
	ErrLoginRequired = entra.ErrLoginRequired
	// ErrConsentRequired means that a requested scope has not been granted. The middleware
	// starts a sign-in that requests it.
	ErrConsentRequired = entra.ErrConsentRequired
	// ErrClaimsChallenge means that an API or the app requires more than this sign-in proved.
	// The middleware starts a sign-in that proves it.
	ErrClaimsChallenge = entra.ErrClaimsChallenge
	// ErrForbidden means that the user is signed in and may not do this.
	ErrForbidden = entra.ErrForbidden
	// ErrUnavailable means that the storage or Entra did not answer. Users stay signed in.
	ErrUnavailable = entra.ErrUnavailable
	// ErrRejected means that an authorization response was not accepted.
	ErrRejected = entra.ErrRejected
	// ErrMisconfigured means that the app or its registration is not set up correctly. The log
	// says what to change.
	ErrMisconfigured = entra.ErrMisconfigured
	// ErrInvalidToken means that a client's access token was not accepted.
	ErrInvalidToken = entra.ErrInvalidToken
	// ErrInvalidRequest means that an access token was not sent in the way that RFC 6750 requires.
	ErrInvalidRequest = entra.ErrInvalidRequest
	// ErrInsufficientScope means that a valid access token lacks a scope.
	ErrInsufficientScope = entra.ErrInsufficientScope
	// ErrNotSignedIn means that a user has no session whose tokens a job could use, or has signed out
	// in the meantime.
	ErrNotSignedIn = entra.ErrNotSignedIn
)

// FromContext returns the signed-in user, or false if there is none. It also returns false if the
// storage failed; the middleware then replaces the handler's response with 503, unless
// Config.AnonymousOnOutage is set. c is a Fiber context.
func FromContext(c Locals) (*User, bool) { return entra.FromContext(c) }

// SessionFromContext returns the session of a request, or false if no user is signed in. Its ID is the
// one that Auth.Sessions lists. See [entra.SessionFromContext].
func SessionFromContext(c Locals) (*SessionInfo, bool) { return entra.SessionFromContext(c) }

// TokenFromContext returns the access token that RequireToken or RequireFrom accepted, or false if the
// caller is the user of a session. See [entra.TokenFromContext].
func TokenFromContext(c Locals) (*TokenInfo, bool) { return entra.TokenFromContext(c) }

// StartSignIn returns an error that makes the middleware start a sign-in, for example with a login
// hint, a prompt or further scopes. The handler returns it. See [entra.StartSignIn].
func StartSignIn(o SignInOptions) *Error { return entra.StartSignIn(o) }

// SignOut returns an error that makes the middleware sign the user out, either of this app only or also
// of Entra. The handler returns it. See [entra.SignOut].
func SignOut(o SignOutOptions) *Error { return entra.SignOut(o) }

// ClaimsChallenge returns the error for a handler to return after an API has answered 401 with a claims
// challenge. claims is the decoded challenge. The middleware starts a sign-in that satisfies it. See
// [entra.ClaimsChallenge].
func ClaimsChallenge(claims string) *Error { return entra.ClaimsChallenge(claims) }

// ConfigFromEnv reads a [Config] from environment variables. With the prefix FIBERMSAL, the field
// ClientID is read from FIBERMSAL_CLIENT_ID, and so on. If the app has variables of its own with the
// same prefix, pass their names, without the prefix, as others. See [entra.ConfigFromEnv] for the
// variables and errors.
func ConfigFromEnv(prefix string, others ...string) (Config, error) {
	return entra.ConfigFromEnv[*fiber.Ctx](prefix, others...)
}

// RedisStorage returns a storage for a URL in the format of go-redis: a single server, a Cluster or
// Sentinels. Its timeouts limit how long a request waits for Redis. It does not connect. The caller
// must close the storage. See [entra.RedisStorage].
func RedisStorage(url string, options ...RedisOption) (*fiberredis.Storage, error) {
	return entra.RedisStorage(url, options...)
}

// RedisTLS sets certificate authorities and client certificates for a rediss:// URL. See
// [entra.RedisTLS].
func RedisTLS(config *tls.Config) RedisOption { return entra.RedisTLS(config) }

// RedisCredentials sets a function that returns the user and the password for each new connection, for
// credentials that change. See [entra.RedisCredentials].
func RedisCredentials(credentials func(context.Context) (user, password string, err error)) RedisOption {
	return entra.RedisCredentials(credentials)
}

// RedisEntraID signs in to Azure's managed Redis services with tokens of Entra ID. See
// [entra.RedisEntraID].
func RedisEntraID(objectID string, credential azcore.TokenCredential) RedisOption {
	return entra.RedisEntraID(objectID, credential)
}

// CertificateFile returns a client credential that uses a certificate and its unencrypted private key
// from a PEM file. See [entra.CertificateFile].
func CertificateFile(path string) ClientCredential { return entra.CertificateFile(path) }

// WorkloadIdentity returns a client credential that uses a federated token from a file. See
// [entra.WorkloadIdentity].
func WorkloadIdentity(tokenFile string) ClientCredential { return entra.WorkloadIdentity(tokenFile) }

// ManagedIdentity returns a client credential that uses the managed identity of the Azure resource that
// the app runs on. See [entra.ManagedIdentity].
func ManagedIdentity(clientID string, cloud Cloud) ClientCredential {
	return entra.ManagedIdentity(clientID, cloud)
}
