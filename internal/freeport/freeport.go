// Package freeport chooses ports for programs that are started and stopped, such as servers in tests.
package freeport

import (
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
)

// The ports are below the range from which Linux takes those of outgoing connections, and of listeners
// that do not ask for a certain one.
const first, last = 10_000, 32_000

var errNone = errors.New("freeport: all ports are in use")

// TB is the part of testing.TB that [For] needs. Programs that use [Claim] do not depend on the testing
// package.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// For returns a port on loopback that belongs to a test until its end. Neither another test nor
// another process that uses this package is given the port, even while nothing listens on it: another
// server would answer in the place of one that has not started yet or is being restarted. The ports at
// the given offsets from it are the test's, too.
func For(tb TB, offsets ...int) string {
	tb.Helper()
	port, release, err := Claim(offsets...)
	if err != nil {
		tb.Fatalf("%v", err)
		return ""
	}
	tb.Cleanup(release)
	return port
}

// Claim is like [For], until release is called or the process ends.
func Claim(offsets ...int) (port string, release func(), err error) {
	offsets = append([]int{0}, offsets...)
	for range last - first {
		n := first + rand.IntN(last-first-slices.Max(offsets))
		if release, isFree := claim(n, offsets...); isFree {
			return strconv.Itoa(n), release, nil
		}
	}
	return "", nil, errNone
}

// held are the sockets of claims. Without it, the garbage collector would close those whose release
// function the caller does not keep.
var held sync.Map

// claim binds the UDP ports of the same numbers. They are independent of the TCP ports, nobody else
// needs them, and the kernel frees them when the process ends, however it ends.
func claim(port int, offsets ...int) (release func(), isFree bool) {
	var sockets []net.PacketConn
	release = func() {
		for _, s := range sockets {
			held.Delete(s)
			_ = s.Close()
		}
	}
	for _, o := range offsets {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port+o))
		socket, err := net.ListenPacket("udp", address)
		if err != nil {
			release()
			return nil, false
		}
		held.Store(socket, true)
		sockets = append(sockets, socket)
		if !listens(address) {
			release()
			return nil, false
		}
	}
	return release, true
}

// listens reports whether a server can listen on an address.
func listens(address string) bool {
	l, err := net.Listen("tcp", address)
	return err == nil && l.Close() == nil
}
