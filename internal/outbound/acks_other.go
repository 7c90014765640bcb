//go:build !linux

package outbound

import (
	"net"
	"syscall"
)

// boundAcks does nothing, because only Linux can limit how long data may be unacknowledged.
func boundAcks(_, _ string, _ syscall.RawConn) error { return nil }

func unboundAcks(net.Conn) {}
