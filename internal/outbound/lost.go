package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"strings"
	"sync"
	"syscall"
)

var (
	// ErrLost says that the connection was lost on which the call had been sent. Whether the
	// server has seen the call is not known; that it would not answer another is not either.
	ErrLost = errors.New("the connection was lost before the answer came")
	// ErrLostTogether says that another call has reported the loss of the same connection
	// already. One event must not look like many failures of a server.
	ErrLostTogether = errors.New("the connection was lost, which another call has reported")
)

// lostError is the loss of a connection.
type lostError struct {
	cause    error
	together bool
}

// Error implements error.
func (e *lostError) Error() string { return ErrLost.Error() + ": " + e.cause.Error() }

// Unwrap returns what errors.Is compares.
func (e *lostError) Unwrap() []error {
	if e.together {
		return []error{ErrLost, ErrLostTogether, e.cause}
	}
	return []error{ErrLost, e.cause}
}

// connection is what a call was sent on, for comparing and for its settings. It may be set by a goroutine
// of net/http's.
type connection struct {
	large bool // is the request

	mu   sync.Mutex
	conn net.Conn
}

func (c *connection) got(info httptrace.GotConnInfo) {
	if c.large {
		unboundAcks(info.Conn)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = info.Conn
}

// shared reports whether several calls are sent on it at once.
func (c *connection) shared() (net.Conn, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.conn.(interface{ ConnectionState() tls.ConnectionState })
	return c.conn, ok && t.ConnectionState().NegotiatedProtocol == "h2"
}

// lost tells the loss of a connection from other errors.
func (p *Pool) lost(ctx context.Context, l *line, c *connection, err error) error {
	conn, shared := c.shared()
	if conn == nil || ctx.Err() != nil || !isLoss(err, shared) {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	together := shared && l.lost == conn
	l.lost = conn
	return &lostError{cause: err, together: together}
}

// isLoss reports whether an error is that of a connection. On a shared one it is, unless
// the server refused the one call or the time for its answer ran out. On others only what
// the kernel says counts: a server that closes them has something to do with the call.
func isLoss(err error, shared bool) bool {
	if errors.Is(err, syscall.ETIMEDOUT) {
		return true
	}
	var timeout net.Error
	if !shared || errors.As(err, &timeout) && timeout.Timeout() {
		return false
	}
	return !strings.HasPrefix(err.Error(), "stream error:") // of net/http, which exports no type for it
}
