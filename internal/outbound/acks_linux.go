package outbound

import (
	"net"
	"syscall"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7), which package syscall does not define.
const tcpUserTimeout = 18

// boundAcks makes the kernel close a connection whose data is not acknowledged for ackTimeout.
// If the kernel does not support that, the connection is used without it.
func boundAcks(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(ackTimeout.Milliseconds()))
	})
}

// unboundAcks undoes boundAcks before a large request is sent. A server that does not read yet
// acknowledges all data until its window is full. The kernel counts the time of a full window,
// too, and would close a connection that works.
func unboundAcks(conn net.Conn) {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok { // with TLS
		conn = t.NetConn()
	}
	s, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	c, err := s.SyscallConn()
	if err != nil {
		return
	}
	_ = c.Control(func(fd uintptr) {
		ours, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout)
		if err == nil && ours == int(ackTimeout.Milliseconds()) { // not another value of the app's own dialer
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, 0)
		}
	})
}
