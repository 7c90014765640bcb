package redisdial

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
)

// conn is a connection that knows when it was last asked and last heard something. Times
// are those of the Dialer.
type conn struct {
	net.Conn          // encrypted, if it is secured
	raw      net.Conn // below
	secured  bool
	dialer   *Dialer
	addr     string

	askedAt, heardAt atomic.Int64
	dead             atomic.Bool
}

var _ syscall.Conn = (*conn)(nil)

// idle reports whether no question is open.
func (c *conn) idle() bool { return c.askedAt.Load() <= c.heardAt.Load() }

// kill closes a connection that the client holds to be good. TLS is not told, because its
// farewell would wait for the dead network.
func (c *conn) kill() {
	c.dead.Store(true)
	_ = c.raw.Close()
}

// Read implements [net.Conn].
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.heardAt.Store(c.dialer.now())
	} else {
		c.failed(err)
	}
	return n, err
}

// Write implements [net.Conn].
func (c *conn) Write(p []byte) (int, error) {
	if c.idle() {
		c.askedAt.Store(c.dialer.now() + 1) // later than heardAt, also within one tick of the clock
	}
	n, err := c.Conn.Write(p)
	c.failed(err)
	return n, err
}

// failed considers what an error says about other connections. After a restart of the
// server's host each is reset when it is asked, and of an encrypted one the client does not
// see before that it was closed. The client asks once more, which must not be on another
// one of those.
func (c *conn) failed(err error) {
	switch {
	case err == nil, c.idle(), errors.Is(err, net.ErrClosed): // the last one on our side
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.dialer.noAnswer(c)
	default:
		c.dialer.killIdle(c)
	}
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.dialer.remove(c)
	return c.Conn.Close()
}

// SyscallConn lets go-redis look whether the connection is alive before it uses it.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if c.dead.Load() {
		return nil, net.ErrClosed
	}
	if c.secured {
		return opaque{}, nil
	}
	below, ok := c.raw.(syscall.Conn)
	if !ok {
		return opaque{}, nil
	}
	return below.SyscallConn()
}

// opaque is the RawConn of an encrypted connection, whose socket may hold bytes that are
// none of the client's business, such as a TLS session ticket.
type opaque struct{}

// Control implements [syscall.RawConn].
func (opaque) Control(func(uintptr)) error { return nil }

// Read implements [syscall.RawConn].
func (opaque) Read(func(uintptr) bool) error { return nil }

// Write implements [syscall.RawConn].
func (opaque) Write(func(uintptr) bool) error { return nil }
