// Package faultproxy is a proxy between a client and a server on loopback that behaves like a
// distant or broken network.
//
// It understands connections that use the protocol of Redis, RESP2 or RESP3, so that single
// replies can be dropped or swapped. All other connections are bytes.
package faultproxy

import (
	"net"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/internal/freeport"
)

// Proxy forwards the connections that it accepts to one server.
type Proxy struct {
	target  *net.TCPAddr
	addr    string
	release func() // gives the port up, which stays the proxy's while it is closed
	network network
	replies replies
	wait    sync.WaitGroup

	mu        sync.Mutex
	listener  *net.TCPListener // nil while the port is closed
	fillers   []net.Conn       // fill the listener's queue while the proxy is unreachable
	blackHole bool             // new connections are frozen
	closed    bool
	pairs     map[*pair]struct{}
}

// New runs a proxy until the test ends. target is the host:port of the server.
func New(tb freeport.TB, target string) *Proxy {
	tb.Helper()
	p, err := Start(target)
	if err != nil {
		tb.Fatalf("faultproxy: %v", err)
		return nil
	}
	tb.Cleanup(p.Close)
	return p
}

// Start runs a proxy on a free loopback port.
func Start(target string) (*Proxy, error) {
	server, err := net.ResolveTCPAddr("tcp", target)
	if err != nil {
		return nil, err
	}
	c, err := startClock()
	if err != nil {
		return nil, err
	}
	port, release, err := freeport.Claim()
	if err != nil {
		c.stop()
		return nil, err
	}
	p := &Proxy{
		target: server, addr: net.JoinHostPort("127.0.0.1", port), release: release,
		network: network{clock: c}, pairs: make(map[*pair]struct{}),
	}
	if err := p.listen(); err != nil {
		c.stop()
		release()
		return nil, err
	}
	return p, nil
}

// Addr returns the host:port for clients.
func (p *Proxy) Addr() string { return p.addr }

// Close ends all connections and the proxy.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.closeListener()
	p.drainQueue()
	for pair := range p.pairs {
		pair.close()
	}
	p.mu.Unlock()
	p.network.clock.stop()
	p.wait.Wait()
	p.release()
}

// Delay delays every reply by the round-trip time and up to jitter more. The order of replies on a
// connection is kept. The first bytes that a server sends on a connection are delayed by two
// round-trip times, because opening a connection costs one. The number of bytes in flight is not
// limited, so throughput does not suffer.
func (p *Proxy) Delay(rtt, jitter time.Duration) {
	p.network.rtt.Store(int64(rtt))
	p.network.jitter.Store(int64(jitter))
}

// Loss sets the fraction of segments, in both directions, that are lost once. Each arrives one
// retransmission timeout later, and delays the following segments of its connection.
func (p *Proxy) Loss(fraction float64) { p.network.loss.Store(uint64(fraction * (1 << 32))) }

// Conns returns the number of connected clients.
func (p *Proxy) Conns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for pair := range p.pairs {
		if !pair.left.Load() {
			n++
		}
	}
	return n
}

// DropReplies drops the replies of the next n commands that match: Redis executes the command, and
// the connection is cut instead of the reply. A nil match matches any command. Commands with which
// clients begin a connection never match. DropReplies(0, nil) stops dropping.
func (p *Proxy) DropReplies(n int, match func(command []string) bool) { p.replies.drop(n, match) }

// Dropped returns the number of replies dropped so far.
func (p *Proxy) Dropped() int { return int(p.replies.dropped.Load()) }

// SwapReplies swaps replies between connections that wait for one at the same time: each gets the
// reply of the other. Replies to commands with which clients begin a connection are not swapped.
func (p *Proxy) SwapReplies(on bool) {
	p.replies.sameCommand.Store(false)
	p.replies.swapping.Store(on)
}

// SwapAlike is SwapReplies among commands of one name. Their replies have one type, so that a
// client does not notice.
func (p *Proxy) SwapAlike() {
	p.replies.sameCommand.Store(true)
	p.replies.swapping.Store(true)
}

// Swapped returns the number of replies that were sent to the wrong connection so far.
func (p *Proxy) Swapped() int { return int(p.replies.swapped.Load()) }

func (p *Proxy) listen() error {
	at, err := net.ResolveTCPAddr("tcp", p.addr)
	if err != nil {
		return err
	}
	l, err := net.ListenTCP("tcp", at)
	if err != nil {
		return err
	}
	p.listener = l
	p.wait.Go(func() { p.accept(l) })
	return nil
}

func (p *Proxy) closeListener() {
	if p.listener != nil {
		_ = p.listener.Close()
	}
	p.listener = nil
}

// drainQueue closes the connections that fill the queue. accept then finds them closed.
func (p *Proxy) drainQueue() {
	for _, filler := range p.fillers {
		_ = filler.Close()
	}
	p.fillers = nil
}

func (p *Proxy) accept(l *net.TCPListener) {
	for {
		client, err := l.AcceptTCP()
		if err != nil {
			return // the port was closed, or Unreachable fills its queue
		}
		p.serve(client)
	}
}

// serve connects a client to the server, or freezes the connection in a black hole.
func (p *Proxy) serve(client *net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = client.Close()
		return
	}
	pair := newPair(client, p.target, &p.network, &p.replies, p.forget)
	p.pairs[pair] = struct{}{}
	pair.frozen.Store(p.blackHole)
	p.wait.Go(pair.run)
}

func (p *Proxy) forget(gone *pair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pairs, gone)
}
