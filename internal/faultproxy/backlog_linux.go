package faultproxy

import (
	"net"
	"syscall"
)

const usualBacklog = syscall.SOMAXCONN

// backlog changes how many connections the kernel completes before they are accepted,
// less one.
func backlog(l *net.TCPListener, n int) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = syscall.Listen(int(fd), n) })
	if err == nil {
		err = failed
	}
	return err
}
