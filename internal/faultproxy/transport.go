package faultproxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
)

// Transport returns a transport that connects to every host through the proxy, uses HTTP/2 if the
// host supports it, and trusts these certificate authorities (PEM).
func (p *Proxy) Transport(authorities []byte) *http.Transport {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authorities)
	return &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, p.Addr())
		},
	}
}
