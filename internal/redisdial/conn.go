package redisdial

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
)

// conn is a connection that records when the client last sent a command and when it last
// received anything. Times are those of Dialer.now.
type conn struct {
	net.Conn          // with TLS if secured
	raw      net.Conn // the TCP connection
	secured  bool
	dialer   *Dialer
	addr     string

	sentAt, receivedAt atomic.Int64
	dead               atomic.Bool
}

var _ syscall.Conn = (*conn)(nil)

// IsEncrypted reports whether a connection, which need not be of a Dialer, uses TLS.
func IsEncrypted(c net.Conn) bool {
	if c, ok := c.(*conn); ok {
		return c.secured
	}
	_, ok := c.(*tls.Conn)
	return ok
}

// idle reports whether no command is waiting for its reply.
func (c *conn) idle() bool { return c.sentAt.Load() <= c.receivedAt.Load() }

// kill closes a connection that the client considers usable. It closes the TCP connection
// below TLS, because sending a TLS close_notify would wait for the dead network.
func (c *conn) kill() {
	c.dead.Store(true)
	_ = c.raw.Close()
}

// Read implements [net.Conn].
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.receivedAt.Store(c.dialer.now())
	} else {
		c.failed(err)
	}
	return n, err
}

// Write implements [net.Conn].
func (c *conn) Write(p []byte) (int, error) {
	if c.idle() {
		c.sentAt.Store(c.dialer.now() + 1) // later than receivedAt even within one tick of the clock
	}
	n, err := c.Conn.Write(p)
	c.failed(err)
	return n, err
}

// failed closes other connections that have probably failed, too. After a restart of the server's host,
// each connection is reset at its next command, and with TLS the client cannot detect earlier that it
// was closed. The client retries once, and must not use another connection of this kind for the retry.
func (c *conn) failed(err error) {
	switch {
	case err == nil, c.idle(), errors.Is(err, net.ErrClosed): // the last one was closed by this process
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.dialer.noReply(c)
	default:
		c.dialer.killIdle(c)
	}
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.dialer.remove(c)
	return c.Conn.Close()
}

// SyscallConn lets go-redis check whether the connection is open before using it.
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

// opaque is the RawConn of a connection with TLS. It hides the socket, which may hold bytes
// that are not a reply of Redis, such as a TLS session ticket.
type opaque struct{}

// Control implements [syscall.RawConn].
func (opaque) Control(func(uintptr)) error { return nil }

// Read implements [syscall.RawConn].
func (opaque) Read(func(uintptr) bool) error { return nil }

// Write implements [syscall.RawConn].
func (opaque) Write(func(uintptr) bool) error { return nil }
