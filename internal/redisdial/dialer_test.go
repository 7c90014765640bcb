package redisdial_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/freeport"
	"github.com/fibermsal/fibermsal/internal/redisdial"
)

// answer is the reply timeout of the clients in these tests.
const answer = time.Second

// network is a server that replies OK to every command, and a network in front of it that can
// drop all present connections.
type network struct {
	net.Listener
	lost     atomic.Int64 // connections up to this number pass nothing
	opened   atomic.Int64
	closed   atomic.Int64
	commands atomic.Int64
	resets   atomic.Bool // what comes on connections that pass nothing

	mu    sync.Mutex
	conns []net.Conn
}

func newNetwork(t *testing.T, config *tls.Config) *network {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	n := &network{Listener: listener}
	t.Cleanup(func() { _ = listener.Close() })
	go n.serve()
	return n
}

func (n *network) serve() {
	for {
		c, err := n.Accept()
		if err != nil {
			return
		}
		n.mu.Lock()
		n.conns = append(n.conns, c)
		n.mu.Unlock()
		go n.answer(c, n.opened.Add(1))
	}
}

func (n *network) answer(c net.Conn, number int64) {
	buffer := make([]byte, 4096)
	for {
		size, err := c.Read(buffer)
		if err != nil {
			_ = c.Close()
			n.closed.Add(1)
			return
		}
		n.commands.Add(1)
		reply := "+OK\r\n"
		if strings.Contains(strings.ToLower(string(buffer[:size])), "hello") { // as a Redis before version 6
			reply = "-ERR unknown command\r\n"
		}
		switch {
		case number > n.lost.Load():
			_, _ = io.WriteString(c, reply)
		case n.resets.Load():
			reset(c)
		}
	}
}

// reset resets a connection, as a restarted host does with a connection from before.
func reset(c net.Conn) {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// hangUp makes the server close all its connections, with or without TLS's close_notify.
func (n *network) hangUp(politely bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		if secured, ok := c.(*tls.Conn); ok && !politely {
			c = secured.NetConn()
		}
		_ = c.Close()
	}
}

// forget drops all connections without closing them.
func (n *network) forget() { n.lost.Store(n.opened.Load()) }

// open returns the number of connections.
func (n *network) open() int { return int(n.opened.Load() - n.closed.Load()) }

// received waits until the server has received this many commands.
func (n *network) received(t *testing.T, commands int64) {
	t.Helper()
	for n.commands.Load() < commands {
		if t.Context().Err() != nil {
			t.Fatal("no command came")
		}
		runtime.Gosched()
	}
}

// ping sends a command and waits for the reply.
func ping(c net.Conn, patience time.Duration) error {
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, "PING\r\n"); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 64))
	return err
}

func dial(t *testing.T, d *redisdial.Dialer, n *network) net.Conn {
	t.Helper()
	c, err := d.Dial(t.Context(), "tcp", n.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := ping(c, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDialer_SilentConnectionTakesTheOthersAlong(t *testing.T) {
	t.Parallel()
	n, elsewhere := newNetwork(t, nil), newNetwork(t, nil)
	d := redisdial.New(10*time.Second, answer, nil)
	first, idle, other := dial(t, d, n), dial(t, d, n), dial(t, d, elsewhere)
	n.forget()
	failed := make(chan error, 1)
	go func() { failed <- ping(first, answer) }()
	n.received(t, 3)
	younger := dial(t, d, n)
	if err := <-failed; err == nil {
		t.Fatal("an answer through a connection that is lost")
	}
	for name, c := range map[string]struct {
		net.Conn
		usable bool
	}{"idle": {idle, false}, "younger": {younger, true}, "to another address": {other, true}} {
		err := ping(c, 10*time.Second)
		if (err == nil) != c.usable || (!c.usable && !errors.Is(err, net.ErrClosed)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A caller with a short deadline, and a connection that was never idle, imply nothing about a
// network.
func TestDialer_ShortWaitClosesNothing(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, nil)
	d := redisdial.New(10*time.Second, time.Hour, nil)
	first, idle := dial(t, d, n), dial(t, d, n)
	n.forget()
	if err := ping(first, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	if err := ping(idle, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the idle connection: %v", err)
	}
}

// If all connections of a client are dead, one or two commands fail, and not one for each
// connection.
func TestDialer_ClientGetsOverAllItsConnectionsAtOnce(t *testing.T) {
	t.Parallel()
	for name, secured := range map[string]bool{"plain": false, "encrypted": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var server, client *tls.Config
			if secured {
				server, client = certified(t)
			}
			n := newNetwork(t, server)
			const connections = 40
			redisClient := redis.NewClient(&redis.Options{
				Addr: n.Addr().String(), Dialer: redisdial.New(10*time.Second, answer, client).Dial, Protocol: 2, DisableIdentity: true,
				ReadTimeout: answer, PoolSize: connections, PoolTimeout: 10 * time.Second, MaxRetries: 1, DialerRetries: 1,
			})
			t.Cleanup(func() { _ = redisClient.Close() })
			warm(t, redisClient, n, connections)
			n.forget()
			failed := 0
			for range 3 * connections {
				if redisClient.Ping(t.Context()).Err() != nil {
					failed++
				}
			}
			if failed > 2 {
				t.Errorf("%d commands failed", failed)
			}
			if now := n.open(); now > connections {
				t.Errorf("%d connections are open", now)
			}
		})
	}
}

// However many commands have failed while a server was down, the first one after its return succeeds (trap R8), also if
// the pool opens connections ahead.
func TestUnpaused_ServiceIsBackWithTheServer(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]int{"none ahead": 0, "five ahead": 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := net.JoinHostPort("127.0.0.1", freeport.For(t))
			const connections = 8
			client := redis.NewClient(&redis.Options{
				Addr: addr, Dialer: redisdial.New(10*time.Second, answer, nil).Dial, Protocol: 2, DisableIdentity: true, MinIdleConns: ahead,
				ReadTimeout: answer, PoolSize: connections, PoolTimeout: 10 * time.Second, MaxRetries: -1, DialerRetries: 1, DialerRetryTimeout: time.Millisecond,
			})
			t.Cleanup(func() { _ = client.Close() })
			client.AddHook(redisdial.Unpaused{})
			for range 3 * connections {
				err := client.Ping(t.Context()).Err()
				if !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), addr) {
					t.Fatalf("error %v, which must name the address", err)
				}
			}
			listener, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = listener.Close() })
			go (&network{Listener: listener}).serve()
			if err := client.Ping(t.Context()).Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

// warm makes the client open all its connections.
func warm(t *testing.T, client *redis.Client, n *network, connections int) {
	t.Helper()
	var held []*redis.Conn
	for range connections {
		c := client.Conn()
		if err := c.Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	for _, c := range held {
		_ = c.Close()
	}
	if n.open() != connections {
		t.Fatalf("%d connections", n.open())
	}
}

// certified makes the configurations of a server and of a client that trusts it.
func certified(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	https := httptest.NewUnstartedServer(nil)
	https.StartTLS()
	defer https.Close()
	pool := x509.NewCertPool()
	pool.AddCert(https.Certificate())
	return &tls.Config{Certificates: https.TLS.Certificates, MinVersion: tls.VersionTLS13}, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}
}

// A host that has restarted resets each connection at the next command, and a client does not
// see before the next command that a connection with TLS was closed. Neither may fail a command
// for each connection.
func TestDialer_ClosedConnectionsCostNoCommand(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*network){
		"reset when asked":   func(n *network) { n.resets.Store(true); n.forget() },
		"closed":             func(n *network) { n.hangUp(false) },
		"closed with notice": func(n *network) { n.hangUp(true) },
	} {
		for kind, secured := range map[string]bool{"plain": false, "encrypted": true} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				var server, client *tls.Config
				if secured {
					server, client = certified(t)
				}
				n := newNetwork(t, server)
				const connections = 40
				redisClient := redis.NewClient(&redis.Options{
					Addr: n.Addr().String(), Dialer: redisdial.New(10*time.Second, answer, client).Dial, Protocol: 2, DisableIdentity: true,
					ReadTimeout: 10 * answer, PoolSize: connections, PoolTimeout: 10 * time.Second, MaxRetries: 1, DialerRetries: 1,
				})
				t.Cleanup(func() { _ = redisClient.Close() })
				warm(t, redisClient, n, connections)
				lose(n)
				failed := 0
				for range 3 * connections {
					if err := redisClient.Ping(t.Context()).Err(); err != nil {
						failed++
						t.Log(err)
					}
				}
				if failed > 0 {
					t.Errorf("%d commands failed", failed)
				}
			})
		}
	}
}
