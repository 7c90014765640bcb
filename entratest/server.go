package entratest

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/wire"
)

// Server is one emulated Entra ID together with the Microsoft Graph that trusts it. Make one with [New].
//
// The exported fields are for reading. They are set by New and, for the URLs, by [Server.Listen].
type Server struct {
	// Authority is the tenant's URL as MSAL and OpenID Connect libraries expect it:
	// https://login.entra.test/<TenantID> in process, an https URL on loopback after Listen.
	// The issuer of its tokens is Authority + "/v2.0", except with [WithExternalID].
	Authority string

	// TenantID is the directory's GUID.
	TenantID string

	// ClientID is the registered application's GUID.
	ClientID string

	// ClientSecret is the secret the application was registered with, empty with [WithoutClientSecret].
	// [Server.SetSecrets] replaces the valid secrets, not this field.
	ClientSecret string

	// GraphURL is the base of the Graph API and ends in /v1.0:
	// https://graph.entra.test/v1.0 in process, an https URL on loopback after Listen.
	GraphURL string

	// BrowserURL is the origin of the pages that users see: that of Authority in process, plain http on
	// loopback after Listen, or https with HTTPSPages. An app whose Content-Security-Policy names form targets needs it.
	BrowserURL string

	// HTTPClient reaches this server without sockets and nothing else: a request to any foreign host is an
	// error, so a test that leaves the emulator by mistake fails instead of calling Microsoft.
	// After Listen it serves the loopback URLs in the same way. It respects the request's context.
	HTTPClient *http.Client

	parts   *parts
	handler http.Handler

	// The controls. Their methods are the server's.
	administration
	signingKeys
	tampering
	requestLog
	faultInjection
	browsing

	mu       sync.Mutex // guards what follows
	closed   bool
	listener listener
}

// listener is what Listen has opened; its zero value listens to nothing.
type listener struct {
	stop  func() error
	caPEM []byte
}

// New makes a server that is ready at once. It panics if the options contradict each other or describe
// something that cannot be registered in Entra ID (a redirect URI on plain http outside localhost, two users
// with one sign-in name, a tenant id that is not a GUID), because such a test is wrong, not failing.
func New(opts ...Option) *Server {
	settings := defaultSettings()
	for _, opt := range opts {
		opt(&settings)
	}
	err := settings.check()
	var p *parts
	if err == nil {
		p, err = assemble(&settings)
	}
	if err != nil {
		panic("entratest: " + err.Error())
	}
	s := &Server{TenantID: p.app.TenantID, ClientID: p.app.ClientID, ClientSecret: settings.clientSecret, parts: p, handler: newRouter(p)}
	transport := &wire.Transport{HandlerFor: s.handlerFor}
	s.HTTPClient = &http.Client{Transport: transport}
	s.administration, s.signingKeys, s.tampering = administration{p}, signingKeys{p.keys}, tampering{p}
	s.requestLog, s.faultInjection, s.browsing = requestLog{p.log}, faultInjection{p.faults}, browsing{transport, p.origins}
	s.publishURLs()
	return s
}

// publishURLs sets the exported URLs to those of the origins.
func (s *Server) publishURLs() {
	o := s.parts.origins
	s.Authority, s.GraphURL, s.BrowserURL = o.Login+"/"+s.TenantID, o.GraphURL(), o.Browser
}

// Handler returns the server as an http.Handler, for tests that bring their own browser or listener.
// URLs in documents and pages remain those of Authority.
func (s *Server) Handler() http.Handler { return s.handler }

var errClosed = errors.New("entratest: the server is closed")

// handlerFor finds the handler for the origin of the URL.
func (s *Server) handlerFor(r *http.Request) (http.Handler, error) {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	o, origin := s.parts.origins, r.URL.Scheme+"://"+r.URL.Host
	switch {
	case closed:
		return nil, errClosed
	case r.URL.Scheme == "http" && origin == o.Browser:
		return wire.Plain(s.Handler()), nil
	case origin == o.Login, origin == o.Browser, origin == o.Graph:
		return s.Handler(), nil
	default:
		return nil, fmt.Errorf("entratest: %s is not part of the emulator", origin)
	}
}

// Close stops the listeners of [Server.Listen], if any, and makes HTTPClient refuse further requests.
// It may be called twice.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	stop := s.listener.stop
	s.listener.stop = nil
	s.mu.Unlock()
	if stop == nil {
		return nil
	}
	return stop()
}

// Users returns the users of all tenants of this server, those of its own tenant first.
func (s *Server) Users() []User {
	var users []User
	for _, t := range s.parts.directory.Tenants {
		for _, a := range t.Accounts {
			users = append(users, User(a.User))
		}
	}
	return users
}

// User looks a user up by object id, UPN or mail, in that order and case-insensitively.
// The server's own tenant comes before extra ones.
func (s *Server) User(login string) (User, bool) {
	a := s.parts.directory.Find(login)
	if a == nil {
		return User{}, false
	}
	return User(a.User), true
}

// Secrets returns everything that this server has issued or received and that must never appear in logs,
// stores or pages: client secrets and assertions, authorization codes, PKCE verifiers, access, refresh and ID
// tokens.
// Search an app's output for them.
func (s *Server) Secrets() []string { return s.parts.secrets.All() }

// SetAccessTokenLifetime changes the lifetime of the access tokens issued from now on.
func (s *Server) SetAccessTokenLifetime(d time.Duration) { s.parts.issuer.SetLifetime(d) }

// TokenUser returns the owner (UPN) of an access token that this server has issued, expired or not. Tokens of
// the application itself have none.
func (s *Server) TokenUser(accessToken string) (login string, ok bool) {
	t := s.parts.issuer.Find(accessToken)
	if t == nil || t.Account == nil {
		return "", false
	}
	return t.Account.UPN, true
}
