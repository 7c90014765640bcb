package entratest

import (
	"errors"
	"net"
	"slices"

	"github.com/fibermsal/fibermsal/entratest/internal/loopback"
	"github.com/fibermsal/fibermsal/entratest/internal/wire"
)

// ListenConfig is the configuration of [Server.Listen]. The zero value means free ports of 127.0.0.1.
type ListenConfig struct {
	// HTTP is the address for browsers: sign-in pages and logout. Default "127.0.0.1:0".
	HTTP string
	// HTTPS is the address for programs: everything, over TLS. Default "127.0.0.1:0".
	HTTPS string
	// BrowserHost is the host name in the URLs that browsers visit. It must resolve to loopback, as all names
	// below .localhost do in browsers. Default "login.localhost", so that an app on localhost is another
	// site and SameSite cookies behave as in production.
	BrowserHost string
	// HTTPSPages puts the pages on the https listener as well and names that one in documents, for clients that
	// accept no other authorize and logout addresses (openid-client 6, passport-azure-ad). A browser then has
	// to trust [Server.CAPEM], or warns. Default: plain http.
	HTTPSPages bool
	// CADir is a directory that keeps the certificate authority, so that clients that trust it survive a
	// restart. It is made, readable by its owner alone, if it does not exist; an authority that others can read
	// is refused. Default: none, a new authority for each server.
	CADir string
}

// ErrNotLoopback is the error of Listen for an address that other machines could reach.
var ErrNotLoopback = loopback.ErrNotLoopback

// Listen puts the server on loopback and changes Authority and GraphURL to match. Call it once, before
// they are used; it is not safe for concurrent use.
//
// Browsers use plain http, so none warns of a certificate, unless HTTPSPages is set. Programs use TLS, as MSAL
// demands, with a certificate of an authority made for this server; they must trust [Server.CAPEM]. They may
// speak HTTP/2, as Entra and Graph do, or HTTP/1.1, whichever they offer (RFC 7301). HTTPClient serves the new
// URLs without sockets. Addresses that are not on loopback are refused, because an emulator lets anybody sign
// in as anybody. An address in use is an error.
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

// browserOrigin is that of the pages.
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
