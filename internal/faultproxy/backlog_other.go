//go:build !linux

package faultproxy

import (
	"errors"
	"net"
)

const usualBacklog = 128

func setBacklog(*net.TCPListener, int) error {
	return errors.New("faultproxy: only Linux drops the SYN of a client whose connection does not fit the queue")
}
