package entra

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/idtoken"
	"github.com/fibermsal/fibermsal/internal/memlimit"
	"github.com/fibermsal/fibermsal/internal/outbound"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sealed"
	"github.com/fibermsal/fibermsal/internal/web"
)

const (
	publicGraph        = "https://graph.microsoft.com/v1.0"
	defaultCookie      = "fibermsal"
	defaultIdle        = 8 * time.Hour
	defaultAbsolute    = 24 * time.Hour
	defaultMaxSessions = 100
	defaultCache       = 512 // megabytes
	defaultCacheShare  = 4   // of the memory that the process may use
	defaultScope       = "User.Read"
	hostPrefix         = "__Host-"
)

// settings is a validated copy of a Config with its defaults.
type settings struct {
	plainConfig // without its secrets, because fmt may print fields without calling methods (threat F4)

	keys        func() [][]byte           // Config.Keys, or a random one
	credentials func() []ClientCredential // in the order in which they are tried
	hasSecret   bool                      // rather than a Credential

	authority   string // without a trailing slash
	tenant      string // its GUID, or "" if the authority has a domain name or allows several tenants
	redirectURI string
	origin      string // to which sessions belong, see sessionOrigin
	cookieName  string
	scopes      *authority.Scopes
	secure      bool // cookies have Secure and the __Host- prefix
}

// ValidateEnv returns the error that New and Open would report for a Config from [ConfigFromEnv], or
// nil. The error contains the names of environment variables, which begin with prefix, instead of
// fields:
//
//	FIBERMSAL_CLIENT_ID is required: the application (client) ID of the registration
func (cfg Config[C]) ValidateEnv(prefix string) error {
	_, err := cfg.resolve(Process{})
	return withVariables(prefix, err)
}

// resolve validates a Config and returns a copy with the defaults.
func (cfg Config[C]) resolve(process Process) (*settings, error) {
	plain := cfg.withoutHooks().clone()
	p := plain.problems(process)
	for name, function := range cfg.Info {
		if function == nil {
			p.add("Info", "%q has no function", name)
		}
	}
	if err := errors.Join(p...); err != nil {
		return nil, err
	}
	return plain.complete()
}

func (cfg Config[C]) clone() Config[C] {
	cfg.AllowedTenants = slices.Clone(cfg.AllowedTenants)
	for i, t := range cfg.AllowedTenants {
		cfg.AllowedTenants[i] = strings.ToLower(t)
	}
	cfg.Scopes, cfg.PreviousSecrets = slices.Clone(cfg.Scopes), slices.Clone(cfg.PreviousSecrets)
	cfg.Audiences = slices.Clone(cfg.Audiences)
	if cfg.APIMetadata != nil {
		published := *cfg.APIMetadata
		published.Scopes = slices.Clone(published.Scopes)
		cfg.APIMetadata = &published
	}
	cfg.Keys = slices.Clone(cfg.Keys)
	for i, k := range cfg.Keys {
		cfg.Keys[i] = slices.Clone(k)
	}
	return cfg
}

// complete fills in the defaults of a valid Config.
func (cfg Config[C]) complete() (*settings, error) {
	s := &settings{plainConfig: cfg.withoutHooks()}
	if discovery.IsGUID(s.ClientID) {
		s.ClientID = strings.ToLower(s.ClientID) // as Entra writes it in tokens
	}
	s.completeAuthority()
	if s.PersonalAccountsMaySignIn && !s.AnyTenantMaySignIn && !slices.Contains(s.AllowedTenants, idtoken.ConsumersTenant) {
		s.AllowedTenants = append(s.AllowedTenants, idtoken.ConsumersTenant)
	}
	s.completeAddresses()
	s.IdleTimeout = cmp.Or(s.IdleTimeout, defaultIdle)
	s.AbsoluteTimeout = cmp.Or(s.AbsoluteTimeout, max(defaultAbsolute, s.IdleTimeout))
	s.MaxSessionsPerUser = cmp.Or(s.MaxSessionsPerUser, defaultMaxSessions)
	s.CacheMegabytes = cmp.Or(s.CacheMegabytes, int(min(defaultCache, max(1, memlimit.Available()/defaultCacheShare>>20))))
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	client := http.Client{}
	if s.HTTPClient != nil {
		client = *s.HTTPClient
	}
	client.Transport = outbound.New(client.Transport)
	s.HTTPClient = &client
	if err := s.completeKeys(); err != nil {
		return nil, err
	}
	s.hideSecrets()
	return s, nil
}

// hideSecrets moves the secrets of the Config into functions, whose results are never printed.
func (s *settings) hideSecrets() {
	keys, credentials := s.Keys, clientCredentials(&s.plainConfig)
	s.keys = func() [][]byte { return keys }
	s.credentials = func() []ClientCredential { return credentials }
	s.hasSecret = s.Credential == nil
	s.ClientSecret, s.PreviousSecrets, s.Keys = "", nil, nil
}

func (s *settings) completeAuthority() {
	hosts, _ := cmp.Or(s.Cloud, authority.CloudOf(s.Authority)).Hosts()
	if s.Authority == "" {
		s.authority = "https://" + hosts.Login + "/" + s.TenantID
	} else if u, err := url.Parse(s.Authority); err == nil {
		s.authority = originOf(s.Authority) + "/" + strings.Trim(u.Path, "/")
	}
	if _, tenant, _ := strings.Cut(strings.TrimPrefix(s.authority, "https://"), "/"); discovery.IsGUID(tenant) {
		s.tenant = strings.ToLower(tenant)
	}
	s.GraphURL = cmp.Or(s.GraphURL, "https://"+hosts.Graph+graphVersionSuffix)
	if len(s.Scopes) == 0 {
		s.Scopes = []string{defaultScope}
	}
	s.scopes = authority.NewScopes("https://"+hosts.Graph, s.GraphURL, s.Scopes) // whatever GraphURL is
	s.Scopes = s.scopes.Configured()
}

func (s *settings) completeAddresses() {
	s.PublicURL = originOf(s.PublicURL)
	s.RoutePrefix = cmp.Or(s.RoutePrefix, DefaultRoutePrefix)
	s.redirectURI = s.PublicURL + s.publicPrefix() + web.CallbackPath
	s.origin = s.sessionOrigin()
	s.PostLogoutURL = cmp.Or(s.PostLogoutURL, s.PublicURL+s.BasePath+"/")
	https := strings.HasPrefix(s.PublicURL, "https:")
	if s.ResponseMode == "" {
		s.ResponseMode = ResponseModeQuery
		if https {
			s.ResponseMode = ResponseModeFormPost
		}
	}
	// All browsers except Safari accept Secure cookies from http://localhost. Only form_post requires
	// Secure cookies, because it needs SameSite=None.
	s.secure = https || s.ResponseMode == ResponseModeFormPost
	s.cookieName = cmp.Or(s.CookieName, defaultCookie)
	if s.secure {
		s.cookieName = hostPrefix + s.cookieName
	}
}

// publicPrefix returns the path under which browsers reach the routes, including BasePath.
func (s *settings) publicPrefix() string {
	if strings.HasPrefix(s.RoutePrefix, s.BasePath+"/") {
		return s.RoutePrefix
	}
	return s.BasePath + s.RoutePrefix
}

func (s *settings) completeKeys() error {
	if len(s.Keys) > 0 {
		return nil
	}
	if embedded, ok := s.Storage.(record.Embedded); ok {
		key, err := embedded.Key()
		if err != nil {
			return fmt.Errorf("fibermsal: Config.Keys is not set, and the Storage has no usable key of its own: %w", err)
		}
		s.Keys = [][]byte{key}
		return nil
	}
	key := make([]byte, sealed.KeySize)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("fibermsal: no randomness for a key: %w", err)
	}
	s.Keys = [][]byte{key}
	return nil
}

// clientCredentials returns the client credentials in the order in which to try them.
func clientCredentials(cfg *plainConfig) []ClientCredential {
	if cfg.Credential != nil {
		return []ClientCredential{cfg.Credential}
	}
	all := []ClientCredential{authority.Secret(cfg.ClientSecret)}
	for _, secret := range cfg.PreviousSecrets {
		all = append(all, authority.Secret(secret))
	}
	return all
}

// sessionOrigin returns the redirect URI at which sessions of this app begin. A session is bound to it,
// as well as to a client ID and keys, because another app with the same registration, whose OnSignIn
// may refuse the user, must not accept the session (threat E13). The default port is left out, because
// the instances of an app may be configured with or without it.
func (s *settings) sessionOrigin() string {
	return strings.TrimSuffix(s.PublicURL, defaultPort(s.PublicURL)) + strings.TrimPrefix(s.redirectURI, s.PublicURL)
}

// defaultPort returns ":443" or ":80" if a checked origin ends with the port of its scheme.
func defaultPort(origin string) string {
	for scheme, port := range map[string]string{"https://": ":443", "http://": ":80"} {
		if strings.HasPrefix(origin, scheme) && strings.HasSuffix(origin, port) {
			return port
		}
	}
	return ""
}

// isLocal reports whether only browsers on this machine reach the app, as in development.
func (s *settings) isLocal() bool {
	u, err := url.Parse(s.PublicURL)
	return err == nil && discovery.IsLoopback(u.Hostname())
}

// originOf returns the origin of a checked URL as browsers write it, in lower case.
func originOf(checked string) string {
	u, err := url.Parse(checked)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}
