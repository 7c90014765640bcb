package entratest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"
)

// ListenConfig says where [Server.Listen] listens. The zero value takes free ports of 127.0.0.1.
type ListenConfig struct {
	// HTTP is the address for people: sign-in pages and logout. Default "127.0.0.1:0".
	HTTP string
	// HTTPS is the address for programs: everything, over TLS. Default "127.0.0.1:0".
	HTTPS string
	// BrowserHost is the host name in the URLs people are sent to. It must lead to loopback, as all names
	// below .localhost do in browsers. Default "login.localhost", so that an app on localhost is another
	// site and SameSite cookies show their true behaviour.
	BrowserHost string
}

// ErrNotLoopback is what Listen gives for an address that other machines could reach.
var ErrNotLoopback = errors.New("entratest: not a loopback address; use 127.0.0.1, [::1] or localhost")

// network is what Listen has opened. Guarded by Server.mu.
type network struct {
	stop  func() error
	caPEM []byte
}

// Listen puts the server on loopback and changes Authority and GraphURL to match. Call it once, before
// anything uses them; it is not safe for concurrent use.
//
// People meet plain http, so no browser warns of a certificate. Programs meet TLS, as MSAL demands, with
// a certificate of an authority made for this server; [Server.CAPEM] is what to trust. They may speak
// HTTP/2, as Entra and Graph do, or HTTP/1.1, whichever they offer (RFC 7301). HTTPClient serves
// the new URLs without sockets. Addresses that are not on loopback are refused: an emulator lets anybody
// sign in as anybody. An address in use is an error.
func (s *Server) Listen(config ListenConfig) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.network.stop != nil {
		return errors.New("entratest: the server is closed or listens already")
	}
	plain, err := listenLocal(config.HTTP)
	if err != nil {
		return err
	}
	secure, err := listenLocal(config.HTTPS)
	if err != nil {
		return errors.Join(err, plain.Close())
	}
	certificate, caPEM, err := newCertificate()
	if err != nil {
		return errors.Join(err, plain.Close(), secure.Close())
	}
	secure = tls.NewListener(secure, &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	})
	host := config.BrowserHost
	if host == "" {
		host = "login.localhost"
	}
	_, port, _ := net.SplitHostPort(plain.Addr().String()) // an address of a listener has a port
	login := "https://" + secure.Addr().String()
	s.setOrigins(origins{login: login, browser: "http://" + net.JoinHostPort(host, port), graph: login})
	// Last: requests are served from here on, and somebody may be calling the port already.
	s.network = network{caPEM: caPEM, stop: start(map[net.Listener]http.Handler{plain: plainHTTP(s.Handler()), secure: s.Handler()})}
	return nil
}

// CAPEM returns the certificate authority of the https listener in PEM, or nil before Listen.
func (s *Server) CAPEM() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]byte(nil), s.network.caPEM...)
}

// listenLocal opens an address after making sure that it is on loopback.
func listenLocal(address string) (net.Listener, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q: %w (%w)", address, ErrNotLoopback, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%q: %w", address, ErrNotLoopback)
	}
	l, err := net.Listen("tcp", address) //nolint:noctx // at once or not at all
	if err != nil {
		return nil, fmt.Errorf("entratest: %w", err)
	}
	return l, nil
}

// start serves each listener until the returned function stops them all and waits for them.
func start(handlers map[net.Listener]http.Handler) (stop func() error) {
	var (
		servers []*http.Server
		running sync.WaitGroup
	)
	for listener, handler := range handlers {
		server := &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 10 * time.Second,
			ErrorLog:          log.New(io.Discard, "", 0), // handshakes that clients break off
		}
		servers = append(servers, server)
		running.Go(func() { _ = server.Serve(listener) }) // ErrServerClosed, always
	}
	return func() error {
		var failed error
		for _, server := range servers {
			failed = errors.Join(failed, server.Close())
		}
		running.Wait()
		return failed
	}
}

// newCertificate makes a certificate for loopback names and the authority that signs it.
func newCertificate() (tls.Certificate, []byte, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("entratest: %w", err)
	}
	ca := certificateTemplate("entratest local CA")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("entratest: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("entratest: %w", err)
	}
	leaf := certificateTemplate("entratest")
	leaf.DNSNames = []string{"localhost", "*.localhost", "login.localhost", "graph.localhost"}
	leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	leaf.ExtKeyUsage, leaf.KeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, x509.KeyUsageDigitalSignature
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("entratest: %w", err)
	}
	caPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	return tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: key}, caPEM, nil
}

// certificateTemplate is valid for a year, which is longer than anybody lets an emulator run.
func certificateTemplate(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // crypto/rand never fails
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
	}
}
