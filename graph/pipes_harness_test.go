package graph_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/fibermsal/fibermsal/internal/outbound"
)

// pipes is a listener whose connections are in memory, for virtual time.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
}

func newPipes(t *testing.T) *pipes {
	t.Helper()
	return &pipes{connections: make(chan net.Conn), closed: make(chan struct{})}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.connections:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// transport is the default one of the library, which dials the listener.
func (p *pipes) transport() *http.Transport {
	transport := outbound.NewTransport()
	transport.Proxy = nil
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		p.connections <- server
		return client, nil
	}
	return transport
}
