package fibermsal

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/outbound"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

// ResponseMode is how Entra hands the result of a sign-in to the app.
type ResponseMode string

const (
	// FormPost sends it in the body of a POST, where no log and no browser
	// history sees it.
	FormPost ResponseMode = "form_post"
	// Query sends it in the URL of a GET.
	Query ResponseMode = "query"
)

// Config is what [New] and [Open] need to know. It is copied; later changes have
// no effect. Requests call its functions concurrently. Printing one never shows a secret.
type Config struct {
	// ClientID is the application (client) ID of the registration in Entra.
	//
	// Required.
	ClientID string

	// ClientSecret is a client secret of the registration.
	//
	// Required, unless Credential is set.
	ClientSecret string

	// PreviousSecrets are tried, in their order, if Entra does not accept ClientSecret.
	// With the old and the new secret both configured, one can be replaced by the other
	// at any time, without a restart.
	//
	// Optional. Default: none.
	PreviousSecrets []string

	// Credential is another proof of the app's identity: a certificate, a federated
	// token, a managed identity.
	//
	// Optional, instead of ClientSecret.
	Credential Credential

	// TenantID is the tenant whose users may sign in: a GUID or a domain name.
	// "common" and "organizations" let users of other tenants sign in, and need
	// AllowedTenants or AnyTenantMaySignIn.
	//
	// Required, unless Authority is set.
	TenantID string

	// Authority is the full URL of the authority with the tenant, such as
	// https://login.microsoftonline.com/{tenant}.
	//
	// Optional. Default: that of the Cloud with the TenantID.
	Authority string

	// Cloud is the Microsoft cloud that the tenant is in. Authority and Graph follow.
	//
	// Optional. Default: PublicCloud, or the one that Authority is in. The host of the
	// two US government clouds is one, so USDoDCloud must be said.
	Cloud Cloud

	// AllowedTenants are the GUIDs of the tenants whose users may sign in
	// through "common" or "organizations". Personal accounts are the tenant
	// 9188040d-6c67-4c5b-b112-36a304b66dad, and refused unless listed.
	//
	// Required with "common" and "organizations", unless AnyTenantMaySignIn;
	// forbidden otherwise.
	AllowedTenants []string

	// AnyTenantMaySignIn lets users of every organization in the world sign in through
	// "common" or "organizations", without a list. What they may do is then the app's
	// to decide, by User.TenantID. Personal accounts stay refused.
	//
	// Optional. Default: false.
	AnyTenantMaySignIn bool

	// Scopes are the delegated permissions asked for at sign-in, all of one resource.
	// Those of Graph may be written with its address or without, which is the same.
	// openid, profile and offline_access are always asked for and not listed here.
	//
	// Optional. Default: User.Read.
	Scopes []string

	// PublicURL is the origin under which browsers reach the app, such as
	// https://app.example.com. Redirect URIs are built from it and never from
	// the request, whose headers anybody can forge (threat C5). Plain
	// http is accepted for localhost only.
	//
	// Required.
	PublicURL string

	// RoutePrefix is the path under which the routes are mounted.
	//
	// Optional. Default: /user.
	RoutePrefix string

	// PostLogoutURL is where Entra sends the browser after signing out. It must
	// be registered as a redirect URI.
	//
	// Optional. Default: PublicURL with the path "/".
	PostLogoutURL string

	// Storage is where sessions and tokens are kept, sealed: the one of Fiber's
	// session middleware (store.Storage), [RedisStorage], or any other. It stays
	// the app's to close.
	//
	// Optional. Default: the memory of this process, which every restart empties
	// and a second instance does not see.
	Storage fiber.Storage

	// Keys seal cookies and records: 32 random bytes each, newest first. The
	// first seals, all open, so a key is replaced in two deploys: append the new
	// one everywhere, then move it to the front.
	//
	// Required with Storage. Default without: a random one.
	Keys [][]byte

	// CookieName is the session cookie's name, to which "__Host-" is added
	// wherever the browser allows it. Apps that share a host need different ones.
	//
	// Optional. Default: fibermsal.
	CookieName string

	// IdleTimeout ends a session that nobody used for that long. The end slides
	// in steps of a tenth of it.
	//
	// Optional. Default: 8 hours. At least a second.
	IdleTimeout time.Duration

	// AbsoluteTimeout ends a session that long after its sign-in, used or not.
	//
	// Optional. Default: 24 hours, or IdleTimeout if that is longer.
	AbsoluteTimeout time.Duration

	// MaxSessionsPerUser is how many sessions a user may have at the same time, in as many
	// browsers. A sign-in beyond it ends the oldest.
	//
	// Optional. Default: 100. At most 10,000.
	MaxSessionsPerUser int

	// ResponseMode is how Entra hands over the result of a sign-in.
	//
	// Optional. Default: FormPost, or Query where PublicURL is plain http.
	ResponseMode ResponseMode

	// HTTPClient reaches Entra and Graph, for proxies and private certificate
	// authorities. For Entra only its Transport is used; time-outs, sizes and
	// redirects are limited in any case. Of an *http.Transport copies are used, whose
	// HTTP/2 connections are checked; for others see docs/production.md.
	//
	// Optional. Default: a client that honours the environment's proxies.
	HTTPClient *http.Client

	// GraphURL is the root of Microsoft Graph. It ends in /v1.0.
	//
	// Optional. Default: that of the cloud, https://graph.microsoft.com/v1.0.
	GraphURL string

	// Logger receives warnings and the causes of refused requests, without
	// credentials.
	//
	// Optional. Default: slog.Default().
	Logger *slog.Logger

	// Next skips the middleware for a request when it returns true; to everyone
	// behind it nobody is signed in.
	//
	// Optional. Default: nil.
	Next func(*fiber.Ctx) bool

	// ErrorHandler answers a request that failed with an [*Error], unless it is
	// [ErrLoginRequired], for which the middleware knows the answer.
	//
	// Optional. Default: a page for browsers, problem+json (RFC 9457) for others.
	ErrorHandler fiber.ErrorHandler

	// Pages draws the library's few pages instead of the built-in ones: what went
	// wrong, and the question whether to sign out. The status and headers against
	// caching and framing are set; a Content-Security-Policy is the app's to set.
	//
	// Optional. Default: plain pages without scripts.
	Pages func(*fiber.Ctx, Page) error

	// OnSignIn is called when a user has been verified and before the session
	// begins. graph.Profile is one that loads mail, name and manager, of which
	// Entra's id_tokens have no mail unless the registration adds the optional
	// claim email. It may complete the user and refuse the sign-in by returning an
	// error, which is shown as a refusal without its text, or as it is if it is
	// an [*Error]. The context ends after 10 seconds.
	//
	// Optional. Default: nil.
	OnSignIn func(context.Context, *SignIn) error

	// OnSignOut is called when a user has signed out, here or at Entra by way of the
	// front-channel logout URL, after the session ended. It is not called for sessions
	// that [Auth.EndSessions] or their timeout ended. An error is logged. The context
	// ends after 10 seconds.
	//
	// Optional. Default: nil.
	OnSignOut func(context.Context, *User) error

	// Groups tells which of some groups the user of a credential is a member of. It is
	// asked by [InGroup] where the id_token does not tell; graph.Groups asks Graph. An
	// error that is not an [*Error] is answered by 503. Requests of a session that want to
	// know the same at the same time share one call, whose context is none of theirs but
	// for the span, and ends after 5 seconds.
	//
	// Optional. Default: nil.
	Groups func(ctx context.Context, user azcore.TokenCredential, ids []string) ([]string, error)

	// Info adds fields to the answer of GET /user/info. A function that fails
	// gives null and a log line.
	//
	// Optional. Default: nil.
	Info map[string]func(*fiber.Ctx, *User) (any, error)

	// RecordBrowser keeps the family of the browser with a session, such as "Firefox on
	// Linux", for [Auth.Sessions]. Nothing else of the User-Agent is kept.
	//
	// Optional. Default: false.
	RecordBrowser bool

	// StaleSessionsOnOutage serves sessions from this process's memory while the
	// storage fails, if the storage confirmed them less than that long ago. A
	// sign-out on another instance is not seen in the meantime.
	//
	// Optional. Default: 0, requests get 503. At most 15 minutes.
	StaleSessionsOnOutage time.Duration

	// AnonymousOnOutage serves a handler's answer although the storage failed
	// when it asked [FromContext], as if nobody was signed in. Only for pages
	// that are right for strangers, too. Off, such requests get 503.
	//
	// Optional. Default: false.
	AnonymousOnOutage bool
}

const (
	publicGraph        = "https://graph.microsoft.com/v1.0"
	defaultPrefix      = "/user"
	defaultCookie      = "fibermsal"
	defaultIdle        = 8 * time.Hour
	defaultAbsolute    = 24 * time.Hour
	defaultUserBound   = 100
	maxUserBound       = 10_000
	maxStaleSessions   = 15 * time.Minute
	defaultScope       = "User.Read"
	hostPrefix         = "__Host-"
	graphVersionSuffix = "/v1.0"
)

// settings is a Config that was checked, completed and copied.
type settings struct {
	Config
	authority   string // without a slash at the end
	tenant      string // its GUID, or "" if it has a name or is many
	redirectURI string
	origin      string // see sessionOrigin
	cookieName  string
	graph       graphScopes
	secure      bool // cookies carry Secure and the __Host- prefix
}

// settle validates a Config and fills in what was left out.
func (cfg Config) settle() (settings, error) {
	cfg = cfg.clone()
	var p problems
	cfg.checkRegistration(&p)
	cfg.checkAddresses(&p)
	cfg.checkScopes(&p)
	cfg.checkStorage(&p)
	cfg.checkTimes(&p)
	cfg.checkInfo(&p)
	if err := errors.Join(p...); err != nil {
		return settings{}, err
	}
	return cfg.complete()
}

func (cfg Config) clone() Config {
	cfg.AllowedTenants = slices.Clone(cfg.AllowedTenants)
	for i, t := range cfg.AllowedTenants {
		cfg.AllowedTenants[i] = strings.ToLower(t)
	}
	cfg.Scopes, cfg.PreviousSecrets = slices.Clone(cfg.Scopes), slices.Clone(cfg.PreviousSecrets)
	cfg.Info = maps.Clone(cfg.Info)
	cfg.Keys = slices.Clone(cfg.Keys)
	for i, k := range cfg.Keys {
		cfg.Keys[i] = slices.Clone(k)
	}
	return cfg
}

func (cfg Config) complete() (settings, error) {
	s := settings{Config: cfg}
	cloud := hostsOf(cfg.Cloud, cfg.Authority)
	s.authority = "https://" + cloud.login + "/" + cfg.TenantID
	if u, err := url.Parse(cfg.Authority); err == nil && cfg.Authority != "" {
		s.authority = originOf(cfg.Authority) + "/" + strings.Trim(u.Path, "/")
	}
	if _, tenant, _ := strings.Cut(strings.TrimPrefix(s.authority, "https://"), "/"); discovery.IsGUID(tenant) {
		s.tenant = strings.ToLower(tenant)
	}
	s.PublicURL = originOf(cfg.PublicURL)
	s.RoutePrefix = orDefault(cfg.RoutePrefix, defaultPrefix)
	s.redirectURI = s.PublicURL + s.RoutePrefix + callbackPath
	s.origin = s.sessionOrigin()
	s.PostLogoutURL = orDefault(cfg.PostLogoutURL, s.PublicURL+"/")
	s.GraphURL = orDefault(cfg.GraphURL, "https://"+cloud.graph+graphVersionSuffix)
	s.IdleTimeout = orDefault(cfg.IdleTimeout, defaultIdle)
	s.AbsoluteTimeout = orDefault(cfg.AbsoluteTimeout, max(defaultAbsolute, s.IdleTimeout))
	s.MaxSessionsPerUser = orDefault(cfg.MaxSessionsPerUser, defaultUserBound)
	s.graph = newGraphScopes("https://"+cloud.graph, s.GraphURL) // wherever it is reached
	s.Scopes = s.graph.spellAll(s.Scopes)
	if len(s.Scopes) == 0 {
		s.Scopes = []string{defaultScope}
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	https := strings.HasPrefix(s.PublicURL, "https:")
	if s.ResponseMode == "" {
		s.ResponseMode = Query
		if https {
			s.ResponseMode = FormPost
		}
	}
	// Browsers take Secure cookies from http://localhost, except Safari; only
	// form_post cannot do without, for SameSite=None demands Secure.
	s.secure = https || s.ResponseMode == FormPost
	s.cookieName = orDefault(cfg.CookieName, defaultCookie)
	if s.secure {
		s.cookieName = hostPrefix + s.cookieName
	}
	client := http.Client{}
	if s.HTTPClient != nil {
		client = *s.HTTPClient
	}
	client.Transport = outbound.New(client.Transport)
	s.HTTPClient = &client
	if len(s.Keys) == 0 {
		key := make([]byte, sealed.KeySize)
		if _, err := rand.Read(key); err != nil {
			return settings{}, fmt.Errorf("fibermsal: no randomness for a key: %w", err)
		}
		s.Keys = [][]byte{key}
	}
	return s, nil
}

// originOf writes the origin of a checked URL as browsers do, in lower case.
func originOf(checked string) string {
	u, err := url.Parse(checked)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

func orDefault[T comparable](value, standard T) T {
	var zero T
	if value == zero {
		return standard
	}
	return value
}

// visible is what of a Config may be seen in logs and dumps.
func (cfg Config) visible() map[string]any {
	return map[string]any{
		"ClientID": cfg.ClientID, "TenantID": cfg.TenantID, "Authority": cfg.Authority,
		"Cloud": string(cfg.Cloud), "AllowedTenants": cfg.AllowedTenants, "AnyTenantMaySignIn": cfg.AnyTenantMaySignIn, "Scopes": cfg.Scopes, "PublicURL": cfg.PublicURL,
		"RoutePrefix": cfg.RoutePrefix, "PostLogoutURL": cfg.PostLogoutURL, "GraphURL": cfg.GraphURL,
		"CookieName": cfg.CookieName, "ResponseMode": string(cfg.ResponseMode),
		"IdleTimeout": cfg.IdleTimeout.String(), "AbsoluteTimeout": cfg.AbsoluteTimeout.String(), "MaxSessionsPerUser": cfg.MaxSessionsPerUser,
		"RecordBrowser": cfg.RecordBrowser, "AnonymousOnOutage": cfg.AnonymousOnOutage, "StaleSessionsOnOutage": cfg.StaleSessionsOnOutage.String(),
	}
}

// String describes a Config without its secrets.
func (cfg Config) String() string { return fmt.Sprintf("fibermsal.Config%v", cfg.visible()) }

// GoString is what %#v prints: no more than String.
func (cfg Config) GoString() string { return cfg.String() }

// MarshalJSON describes a Config without its secrets.
func (cfg Config) MarshalJSON() ([]byte, error) { return json.Marshal(cfg.visible()) }

// LogValue describes a Config without its secrets.
func (cfg Config) LogValue() slog.Value { return slog.StringValue(cfg.String()) }
