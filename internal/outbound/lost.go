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
	// ErrLost means that the connection was lost after the call had been sent. It is unknown whether
	// the server received the call. The server may be able to answer other calls.
	ErrLost = errors.New("the connection was lost before the answer came")
	// ErrLostTogether means that another call has already reported the loss of the same
	// connection, so that one event is not counted as many failures of a server.
	ErrLostTogether = errors.New("the connection was lost, which another call has reported")
)

// lostError is the loss of a connection.
type lostError struct {
	cause    error
	together bool
}

// Error implements error.
func (e *lostError) Error() string { return ErrLost.Error() + ": " + e.cause.Error() }

// Unwrap returns the errors that errors.Is compares.
func (e *lostError) Unwrap() []error {
	if e.together {
		return []error{ErrLost, ErrLostTogether, e.cause}
	}
	return []error{ErrLost, e.cause}
}

// connection holds the connection that a call is sent on. A goroutine of net/http may set it.
type connection struct {
	large bool // whether the request is large, see [large]

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

// shared returns the connection, and reports whether it carries several calls at once.
func (c *connection) shared() (net.Conn, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.conn.(interface{ ConnectionState() tls.ConnectionState })
	return c.conn, ok && t.ConnectionState().NegotiatedProtocol == "h2"
}

// lost returns a lostError if err is the loss of a connection, and err otherwise.
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

// isLoss reports whether an error is the loss of a connection. On a shared connection, every error is a
// loss unless the server reset this one call or the call timed out. On other connections, only the
// kernel's timeout is a loss, because a server may have closed the connection in response to the call.
func isLoss(err error, shared bool) bool {
	if errors.Is(err, syscall.ETIMEDOUT) {
		return true
	}
	var timeout net.Error
	if !shared || errors.As(err, &timeout) && timeout.Timeout() {
		return false
	}
	return !strings.HasPrefix(err.Error(), "stream error:") // from net/http, which exports no type for it
}
