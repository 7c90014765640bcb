// Package loopback serves the emulator on this machine's loopback interface.
package loopback

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// ErrNotLoopback is the error about an address that other machines could reach.
var ErrNotLoopback = errors.New("entratest: not a loopback address; use 127.0.0.1, [::1] or localhost")

// Listeners are two listeners, one for browsers and one for programs.
type Listeners struct {
	Plain, Secure net.Listener
	CAPEM         []byte // the authority that issued the certificate of the secure listener
}

// Config contains the addresses to listen on and the authority to use.
type Config struct {
	Plain, Secure string // addresses; empty for free ports
	CADir         string // keeps the authority; empty for a new one
}

// Listen opens both addresses. The secure one speaks TLS with a certificate made for it.
func Listen(config Config) (*Listeners, error) {
	certificate, caPEM, err := newCertificate(config.CADir)
	if err != nil {
		return nil, err
	}
	plain, err := listenLocal(config.Plain)
	if err != nil {
		return nil, err
	}
	secure, err := listenLocal(config.Secure)
	if err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	secure = tls.NewListener(secure, &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	})
	return &Listeners{Plain: plain, Secure: secure, CAPEM: caPEM}, nil
}

// newCertificate returns a certificate and the authority that clients must trust.
func newCertificate(caDir string) (tls.Certificate, []byte, error) {
	makeAuthority := newAuthority
	if caDir != "" {
		makeAuthority = func() (*authority, error) { return keptAuthority(caDir) }
	}
	ca, err := makeAuthority()
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	certificate, err := ca.issue()
	return certificate, ca.publicPEM(), err
}

// listenLocal opens an address if it is on loopback.
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
	l, err := net.Listen("tcp", address) //nolint:noctx // does not wait
	if err != nil {
		return nil, fmt.Errorf("entratest: %w", err)
	}
	return l, nil
}

// Serve serves both listeners. The returned function stops them and waits until they have ended.
func (l *Listeners) Serve(plain, secure http.Handler) (stop func() error) {
	var (
		servers []*http.Server
		running sync.WaitGroup
	)
	for listener, handler := range map[net.Listener]http.Handler{l.Plain: plain, l.Secure: secure} {
		server := &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 10 * time.Second,
			ErrorLog:          log.New(io.Discard, "", 0), // handshakes that clients break off
		}
		servers = append(servers, server)
		running.Go(func() { _ = server.Serve(listener) }) // always ErrServerClosed
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
