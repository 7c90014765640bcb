package freeport

import (
	"net"
	"strconv"
	"sync"
	"testing"
)

func TestFor_ParallelTestsGetDifferentPorts(t *testing.T) {
	t.Parallel()
	const offset, tests = 10_000, 200
	var owners sync.Map
	t.Run("tests", func(t *testing.T) {
		for range tests {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				port := For(t, offset)
				n, err := strconv.Atoi(port)
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range []int{n, n + offset} {
					if _, isTaken := owners.LoadOrStore(n, t.Name()); isTaken || n < first || n >= last {
						t.Errorf("port %d, taken: %v", n, isTaken)
					}
					if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(n))); err != nil || l.Close() != nil {
						t.Errorf("no server can use port %d: %v", n, err)
					}
				}
				t.Cleanup(func() { owners.Delete(n); owners.Delete(n + offset) })
			})
		}
	})
}

func TestClaim_LastsUntilItsRelease(t *testing.T) {
	t.Parallel()
	const offset = 10_000
	port, release, err := Claim(offset)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(port)
	for _, n := range []int{n, n + offset} {
		if _, isFree := claim(n, 0); isFree {
			t.Errorf("port %d was given away twice", n)
		}
	}
	release()
	release, isFree := claim(n, 0, offset)
	if !isFree {
		t.Fatalf("port %d was not released", n)
	}
	release()
}

func TestClaim_PortsOfOtherServersAreNotFree(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	n := l.Addr().(*net.TCPAddr).Port
	if _, isFree := claim(n, 0); isFree {
		t.Error("a server listens on it")
	}
	if _, isFree := claim(n-10, 0, 10); isFree {
		t.Error("a server listens on the second one")
	}
	socket, err := net.ListenPacket("udp", net.JoinHostPort("127.0.0.1", strconv.Itoa(n-10)))
	if err != nil {
		t.Fatalf("the failed claim has kept the first one: %v", err)
	}
	_ = socket.Close()
}
