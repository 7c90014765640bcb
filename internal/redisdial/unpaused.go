package redisdial

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// Unpaused is a hook of a client. It hides failed dials from the pool of connections, so that the pool never pauses
// dialing, which is the task of the caller's circuit breaker.
type Unpaused struct{}

// DialHook implements [redis.Hook]. The dial never fails: each use of the connection returns the reason.
func (Unpaused) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := next(ctx, network, addr)
		if err != nil {
			c = failedConn{dialError{err}}
		}
		return c, nil
	}
}

// ProcessHook implements [redis.Hook].
func (Unpaused) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook implements [redis.Hook].
func (Unpaused) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// failedConn is a connection that could not be opened.
type failedConn struct{ err dialError }

var _ syscall.Conn = failedConn{}

// dialError is why a connection could not be opened. go-redis unwraps the error of a new connection once, and would
// remove the address of the server from it.
type dialError struct{ error }

// Unwrap returns the error of net or tls.
func (e dialError) Unwrap() error { return e.error }

// Timeout makes go-redis treat the error like that of a dial.
func (e dialError) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.error, &t) && t.Timeout()
}

// Read implements [net.Conn].
func (c failedConn) Read([]byte) (int, error) { return 0, c.err }

// Write implements [net.Conn].
func (c failedConn) Write([]byte) (int, error) { return 0, c.err }

// Close implements [net.Conn].
func (failedConn) Close() error { return nil }

// SyscallConn returns the error, too. The pool opens idle connections ahead (min_idle_conns), and removes those that fail
// this check before a command uses them.
func (c failedConn) SyscallConn() (syscall.RawConn, error) { return nil, c.err }

// LocalAddr implements [net.Conn].
func (failedConn) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr implements [net.Conn].
func (failedConn) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// SetDeadline implements [net.Conn].
func (failedConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements [net.Conn].
func (failedConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements [net.Conn].
func (failedConn) SetWriteDeadline(time.Time) error { return nil }
