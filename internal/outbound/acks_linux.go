package outbound

import (
	"net"
	"syscall"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7), which package syscall does not name.
const tcpUserTimeout = 18

// boundAcks has the kernel close a connection whose data is not acknowledged for so long.
// A kernel that refuses does without.
func boundAcks(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(ackTimeout.Milliseconds()))
	})
}

// unboundAcks undoes that for a connection on which more is sent than a server takes that
// does not read yet: the kernel counts the time for which it has no room, too, although it
// acknowledges everything.
func unboundAcks(conn net.Conn) {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok { // of TLS
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
		if err == nil && ours == int(ackTimeout.Milliseconds()) { // an app's own dialer may have set another
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, 0)
		}
	})
}
