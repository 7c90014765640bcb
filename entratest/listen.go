package entratest

import (
	"errors"
	"net"
	"slices"

	"github.com/fibermsal/fibermsal/entratest/internal/loopback"
	"github.com/fibermsal/fibermsal/entratest/internal/wire"
)

// ListenConfig is the configuration of [Server.Listen]. The zero value selects free ports of 127.0.0.1.
type ListenConfig struct {
	// HTTP is the address for browsers: sign-in pages and logout. Default "127.0.0.1:0".
	HTTP string
	// HTTPS is the address for programs: everything, over TLS. Default "127.0.0.1:0".
	HTTPS string
	// BrowserHost is the host name in the URLs that browsers visit. It must resolve to loopback, as all names
	// below .localhost do in browsers. Default "login.localhost", so that an app on localhost is another
	// site and SameSite cookies behave as in production.
	BrowserHost string
	// HTTPSPages also serves the pages on the https listener and publishes its URLs in the
	// configuration, for clients that accept only https for the authorize and logout endpoints
	// (openid-client 6, passport-azure-ad). Browsers then show a warning unless they trust
	// [Server.CAPEM]. Default: plain http.
	HTTPSPages bool
	// CADir is a directory in which the certificate authority is stored, so that clients still trust it
	// after a restart. If the directory does not exist, it is created and is readable only by its
	// owner. An authority that other users can read is refused. Default: none; each server has a new
	// authority.
	CADir string
}

// ErrNotLoopback is the error of Listen for an address that other machines could reach.
var ErrNotLoopback = loopback.ErrNotLoopback

// Listen serves the server on loopback addresses and changes Authority, GraphURL and BrowserURL
// accordingly. Call it once, before these are used. It is not safe for concurrent use.
//
// Browsers use plain http, so that they show no certificate warning, unless HTTPSPages is set. Programs
// use TLS, which MSAL requires, and must trust [Server.CAPEM], an authority that is created for this
// server. HTTP/2, as with Entra and Graph, or HTTP/1.1 is negotiated (RFC 7301). HTTPClient serves the
// new URLs without sockets. Listen returns an error for an address that is in use, and for one that is
// not on loopback, because the emulator lets anyone sign in as any user.
func (s *Server) Listen(config ListenConfig) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.listener.stop != nil {
		return errors.New("entratest: the server is closed or listens already")
	}
	opened, err := loopback.Listen(loopback.Config{Plain: config.HTTP, Secure: config.HTTPS, CADir: config.CADir})
	if err != nil {
		return err
	}
	login := "https://" + opened.Secure.Addr().String()
	o := s.parts.origins
	o.Login, o.Browser, o.Graph = login, config.browserOrigin(opened), login
	s.publishURLs()
	// Last, because requests are served from here on, and a client may be calling the port already.
	s.listener = listener{caPEM: opened.CAPEM, stop: opened.Serve(wire.Plain(s.handler), s.handler)}
	return nil
}

// browserOrigin returns the origin of the pages.
func (c ListenConfig) browserOrigin(opened *loopback.Listeners) string {
	scheme, listener, host := "http", opened.Plain, c.BrowserHost
	if c.HTTPSPages {
		scheme, listener = "https", opened.Secure
	}
	if host == "" {
		host = "login.localhost"
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String()) // an address of a listener has a port
	return scheme + "://" + net.JoinHostPort(host, port)
}

// CAPEM returns the certificate authority of the https listener in PEM, or nil before Listen.
func (s *Server) CAPEM() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.listener.caPEM)
}
