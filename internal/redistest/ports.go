package redistest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

const (
	// busOffset is the difference between the port of a cluster node and that of its bus.
	busOffset = 10_000
	// Ports in this range and their bus ports are below the range from which Linux takes
	// those of outgoing connections.
	firstClusterPort, lastClusterPort = 10_000, 22_000
)

func freePort(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String()) // the address of a listener has a port
	return port
}

// freeClusterPort returns a port that is free together with its bus port.
func freeClusterPort(tb testing.TB) string {
	tb.Helper()
	for range 1000 {
		port := firstClusterPort + rand.IntN(lastClusterPort-firstClusterPort)
		if free(port) && free(port+busOffset) {
			return strconv.Itoa(port)
		}
	}
	tb.Fatal("redistest: no free port for a cluster node")
	return ""
}

func free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
