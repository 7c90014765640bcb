package entratest

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/wire"
)

// Server is an emulated Entra ID together with a Microsoft Graph that trusts it. Create one with [New].
//
// The exported fields are read-only. New sets them, and [Server.Listen] changes the URLs.
type Server struct {
	// Authority is the tenant's URL as MSAL and OpenID Connect libraries expect it:
	// https://login.entra.test/<TenantID> in process, an https URL on loopback after Listen.
	// The issuer of its tokens is Authority + "/v2.0", except with [WithExternalID].
	Authority string

	// TenantID is the directory's GUID.
	TenantID string

	// ClientID is the registered application's GUID.
	ClientID string

	// ClientSecret is the secret with which the application was registered. It is empty with
	// [WithoutClientSecret]. [Server.SetSecrets] replaces the valid secrets but not this field.
	ClientSecret string

	// GraphURL is the base of the Graph API and ends in /v1.0:
	// https://graph.entra.test/v1.0 in process, an https URL on loopback after Listen.
	GraphURL string

	// BrowserURL is the origin of the pages that users see: the origin of Authority in process, and
	// plain http on loopback after Listen, or https with HTTPSPages. Apps whose Content-Security-Policy
	// lists form targets need it.
	BrowserURL string

	// HTTPClient calls this server without sockets. A request to any other host is an error, so a test
	// that leaves the emulator by mistake fails instead of calling Microsoft. After Listen it serves
	// the loopback URLs in the same way. It respects the request's context.
	HTTPClient *http.Client

	parts   *parts
	handler http.Handler

	// The controls, whose methods are promoted to the server.
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

// listener is what Listen has opened. The zero value is not listening.
type listener struct {
	stop  func() error
	caPEM []byte
}

// New returns a server that is ready to use. It panics if the options contradict each other or describe
// something that cannot be registered in Entra ID (such as a redirect URI with plain http outside
// localhost, two users with the same sign-in name, or a tenant ID that is not a GUID), because that is
// a mistake in the test.
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

// Handler returns the server as an http.Handler, for tests that have their own browser or listener.
// URLs in documents and pages are still those of Authority.
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
// It may be called more than once.
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

// Users returns the users of all tenants of this server, beginning with its own tenant.
func (s *Server) Users() []User {
	var users []User
	for _, t := range s.parts.directory.Tenants {
		for _, a := range t.Accounts {
			users = append(users, User(a.User))
		}
	}
	return users
}

// User finds a user by object ID, UPN or mail address, in this order, ignoring case. It searches the
// server's own tenant before additional tenants.
func (s *Server) User(login string) (User, bool) {
	a := s.parts.directory.Find(login)
	if a == nil {
		return User{}, false
	}
	return User(a.User), true
}

// Secrets returns all values that this server has issued or received and that must never appear in
// logs, stores or pages: client secrets and assertions, authorization codes, PKCE verifiers, and
// access, refresh and ID tokens. Tests can search an app's output for them.
func (s *Server) Secrets() []string { return s.parts.secrets.All() }

// SetAccessTokenLifetime changes the lifetime of the access tokens issued from now on.
func (s *Server) SetAccessTokenLifetime(d time.Duration) { s.parts.issuer.SetLifetime(d) }

// TokenUser returns the UPN of the user of an access token that this server has issued, even if the
// token has expired. It returns false for tokens without a user.
func (s *Server) TokenUser(accessToken string) (login string, ok bool) {
	t := s.parts.issuer.Find(accessToken)
	if t == nil || t.Account == nil {
		return "", false
	}
	return t.Account.UPN, true
}
