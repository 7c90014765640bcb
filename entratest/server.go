package entratest

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

// Server is one emulated Entra ID together with the Microsoft Graph that trusts it. Make one with [New].
//
// The exported fields are for reading. They are set by New and, for the URLs, by [Server.Listen].
type Server struct {
	// Authority is the tenant's URL as MSAL and OpenID Connect libraries want it:
	// https://login.entra.test/<TenantID> in process, an https URL on loopback after Listen.
	// The issuer of its tokens is Authority + "/v2.0".
	Authority string

	// TenantID is the directory's GUID.
	TenantID string

	// ClientID is the registered application's GUID.
	ClientID string

	// ClientSecret is the secret the application was registered with, empty with [WithoutClientSecret].
	// [Server.SetSecrets] replaces the secrets that count, not this field.
	ClientSecret string

	// GraphURL is the base of the Graph API and ends in /v1.0:
	// https://graph.entra.test/v1.0 in process, an https URL on loopback after Listen.
	GraphURL string

	// BrowserURL is the origin of the pages people see: that of Authority in process, plain http on loopback
	// after Listen. An app whose Content-Security-Policy names form targets needs it.
	BrowserURL string

	// HTTPClient reaches this server without sockets and nothing else: a request to any foreign host is an
	// error, so a test that leaves the emulator by mistake fails instead of calling Microsoft.
	// After Listen it serves the loopback URLs in the same way. It heeds the request's context.
	HTTPClient *http.Client

	settings  settings
	directory *directory
	scopes    *scopeCatalogue

	origins // changed by Listen only

	mu      sync.Mutex // guards everything below
	closed  bool
	network network
	keys    keyRing
	issued  issuance
	faults  map[Endpoint][]*Fault
	log     requestLog
	sso     map[string]*ssoSession
	tamper  tampering

	secrets       []string
	credentials   credentials
	tokenLifetime time.Duration
	entered       map[string]bool   // the sids the application knows: those it was given a code for
	contexts      map[string]string // authentication contexts that Graph demands, by path
}

// origins are the scheme and host of each face of the server.
type origins struct {
	login   string // where MSAL talks to: discovery, tokens, keys; also the issuer's
	browser string // where people are sent to: authorize, logout
	graph   string
}

// New makes a server that is ready at once. It panics if the options contradict each other or describe
// something Entra ID would not let anybody register (a redirect URI on plain http outside localhost, two
// users with one sign-in name, a tenant id that is not a GUID): such a test is wrong, not failing.
func New(opts ...Option) *Server {
	settings := defaultSettings()
	for _, opt := range opts {
		opt(&settings)
	}
	if err := settings.check(); err != nil {
		panic("entratest: " + err.Error())
	}
	directory, err := newDirectory(&settings)
	if err != nil {
		panic("entratest: " + err.Error())
	}
	s := &Server{
		TenantID:     settings.tenantID,
		ClientID:     settings.clientID,
		ClientSecret: settings.clientSecret,
		settings:     settings,
		directory:    directory,
		scopes:       newScopeCatalogue(&settings),
		issued:       newIssuance(),
		faults:       map[Endpoint][]*Fault{},
		sso:          map[string]*ssoSession{},
		log:          requestLog{counts: map[Endpoint]int{}},

		credentials:   newCredentials(&settings),
		tokenLifetime: settings.tokenLifetime,
		entered:       map[string]bool{},
		contexts:      map[string]string{},
	}
	for _, secret := range s.credentials.secrets {
		s.remember(secret.Value)
	}
	s.scopes.checkAppPermissions(settings.appPermissions)
	s.keys.rotate()
	login := "https://" + settings.loginHost
	s.setOrigins(origins{login: login, browser: login, graph: "https://" + settings.graphHost})
	s.HTTPClient = &http.Client{Transport: inProcess{s}}
	return s
}

func (s *Server) setOrigins(o origins) {
	s.origins = o
	s.Authority = o.login + "/" + s.TenantID
	s.GraphURL = o.graph + "/v1.0"
	s.BrowserURL = o.browser
}

// Close stops the listeners of [Server.Listen], if any, and makes HTTPClient refuse further requests.
// Closing twice is fine.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	stop := s.network.stop
	s.network.stop = nil
	s.mu.Unlock()
	if stop == nil {
		return nil
	}
	return stop()
}

var errClosed = errors.New("entratest: the server is closed")

// Secrets returns everything this server has issued or been shown that must never appear in logs, stores
// or pages: client secrets and assertions, authorization codes, PKCE verifiers, access, refresh and ID
// tokens.
// Search an app's output for them.
func (s *Server) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.secrets...)
}

// remember notes a secret. The caller holds s.mu.
func (s *Server) remember(secret string) {
	if secret != "" {
		s.secrets = append(s.secrets, secret)
	}
}

// SetAccessTokenLifetime changes how long access tokens issued from now on live.
func (s *Server) SetAccessTokenLifetime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokenLifetime = d
}

// AcceptAnyVerifier switches the PKCE check at the token endpoint off (true) or on again (false, the
// default), to show what an app's other defences do without it.
func (s *Server) AcceptAnyVerifier(accept bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tamper.anyVerifier = accept
}
