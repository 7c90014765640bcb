//go:build !linux

package outbound

import (
	"net"
	"syscall"
)

// boundAcks does nothing: only Linux bounds how long data may not be acknowledged.
func boundAcks(_, _ string, _ syscall.RawConn) error { return nil }

func unboundAcks(net.Conn) {}
