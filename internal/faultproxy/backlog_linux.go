package faultproxy

import (
	"net"
	"syscall"
)

const usualBacklog = syscall.SOMAXCONN

// setBacklog sets the number of connections that the kernel completes before they are accepted,
// minus one.
func setBacklog(l *net.TCPListener, n int) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var listenErr error
	err = raw.Control(func(fd uintptr) { listenErr = syscall.Listen(int(fd), n) })
	if err == nil {
		err = listenErr
	}
	return err
}
