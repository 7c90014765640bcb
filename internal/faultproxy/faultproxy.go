// Package faultproxy stands between a client and a server on loopback and behaves like
// a network that is distant or broken.
//
// Connections on which the client speaks the protocol of Redis, RESP2 or RESP3, are
// understood, so that single replies can be lost or exchanged; all others are bytes.
package faultproxy

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy forwards the connections that it accepts to one server.
type Proxy struct {
	target *net.TCPAddr
	addr   string
	clock  *clock
	wait   sync.WaitGroup

	rtt, jitter atomic.Int64
	loss        atomic.Uint64 // of 1<<32
	replies     replies

	mu       sync.Mutex
	listener *net.TCPListener // nil while the port is closed
	fillers  []net.Conn       // occupy the queue of the listener while it is full
	deaf     bool             // new connections get nothing
	closed   bool
	pairs    map[*pair]struct{}
}

// TB is the part of testing.TB that a Proxy needs. Programs which use [Start] do not
// depend on the testing package.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// New runs a proxy for a test, which it ends with. Target is host:port of the server.
func New(tb TB, target string) *Proxy {
	tb.Helper()
	p, err := Start(target)
	if err != nil {
		tb.Fatalf("faultproxy: %v", err)
		return nil
	}
	tb.Cleanup(p.Close)
	return p
}

// Start runs a proxy on a free port of loopback.
func Start(target string) (*Proxy, error) {
	server, err := net.ResolveTCPAddr("tcp", target)
	if err != nil {
		return nil, err
	}
	c, err := startClock()
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: server, clock: c, pairs: make(map[*pair]struct{})}
	if err := p.listen("127.0.0.1:0"); err != nil {
		c.stop()
		return nil, err
	}
	p.addr = p.listener.Addr().String()
	return p, nil
}

// Addr is host:port for clients.
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
	p.clock.stop()
	p.wait.Wait()
}

// Delay makes every reply arrive later by the round-trip time, and by up to jitter
// more; its order on a connection is kept. The first bytes that a server sends on a
// connection are late by two round-trip times, because opening a connection costs one,
// too. Bytes in flight are not limited, so throughput does not suffer.
func (p *Proxy) Delay(rtt, jitter time.Duration) {
	p.rtt.Store(int64(rtt))
	p.jitter.Store(int64(jitter))
}

// Loss is the fraction of segments, of both directions, that are lost once: each
// arrives one retransmission time-out later and holds up what follows it on its
// connection.
func (p *Proxy) Loss(fraction float64) { p.loss.Store(uint64(fraction * (1 << 32))) }

// Conns is how many clients are connected.
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

// FreezeExisting makes existing connections pass nothing any more, in both directions
// and for good. Neither side is told. New connections work.
func (p *Proxy) FreezeExisting() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.freeze()
}

func (p *Proxy) freeze() {
	for pair := range p.pairs {
		pair.frozen.Store(true)
	}
}

// BlackHole freezes existing connections and those that are opened from now on, which
// the kernel still accepts.
func (p *Proxy) BlackHole() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.freeze()
	p.deaf = true
}

// Unreachable freezes existing connections, and new ones are not even accepted: their
// SYN gets no answer, as if the address had moved. After [Proxy.Resume] a client that
// still waits is connected when it repeats its SYN, which Linux does after a second.
// Other systems cannot do this.
func (p *Proxy) Unreachable() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.freeze()
	if p.listener == nil || len(p.fillers) != 0 {
		return errors.New("faultproxy: the port is closed or unreachable already")
	}
	if err := p.listener.SetDeadline(time.Now()); err != nil { // ends the loop that accepts
		return err
	}
	if err := backlog(p.listener, 0); err != nil {
		return err
	}
	return p.fillQueue()
}

// Refuse closes the port until [Proxy.Resume]: connecting to it fails at once. Existing
// connections stay as they are, see [Proxy.Cut].
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeListener()
	p.drainQueue()
}

// Cut closes all connections, those that are frozen included.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for pair := range p.pairs {
		pair.close()
	}
}

// Resume makes new connections work again. Frozen ones stay dead.
func (p *Proxy) Resume() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = false
	if len(p.fillers) != 0 { // the queue is full
		l := p.listener
		if err := backlog(l, usualBacklog); err != nil {
			return err
		}
		p.drainQueue()
		if err := l.SetDeadline(time.Time{}); err != nil {
			return err
		}
		p.wait.Go(func() { p.accept(l) })
	}
	if p.listener == nil && !p.closed {
		return p.listen(p.addr)
	}
	return nil
}

func (p *Proxy) listen(addr string) error {
	at, err := net.ResolveTCPAddr("tcp", addr)
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

func (p *Proxy) accept(l *net.TCPListener) {
	for {
		client, err := l.AcceptTCP()
		if err != nil {
			return // the port was closed, or its queue is to fill up
		}
		p.serve(client)
	}
}

// serve connects a client to the server, unless new connections get nothing.
func (p *Proxy) serve(client *net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pair := &pair{proxy: p, client: client, opened: time.Now(), gone: make(chan struct{})}
	if p.closed {
		_ = client.Close()
		return
	}
	p.pairs[pair] = struct{}{}
	pair.frozen.Store(p.deaf)
	p.wait.Go(pair.run)
}

func (p *Proxy) forget(gone *pair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pairs, gone)
}

// fillQueue connects to the proxy itself until the kernel drops a SYN.
func (p *Proxy) fillQueue() error {
	dialer := net.Dialer{Timeout: 100 * time.Millisecond}
	for range 100 {
		filler, err := dialer.Dial("tcp", p.addr)
		var late net.Error
		if errors.As(err, &late) && late.Timeout() { // full, also of connections that nobody has accepted yet
			return nil
		}
		if err != nil {
			return err
		}
		p.fillers = append(p.fillers, filler)
	}
	return errors.New("faultproxy: the queue of the port does not fill up")
}

// drainQueue closes the connections that fill the queue: accepting them finds them ended.
func (p *Proxy) drainQueue() {
	for _, filler := range p.fillers {
		_ = filler.Close()
	}
	p.fillers = nil
}
