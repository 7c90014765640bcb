package faultproxy

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// retransmission is after how long TCP sends a lost segment again, at the least, on
// Linux.
const retransmission = 200 * time.Millisecond

// pair is a client's connection and the one to the server that belongs to it.
type pair struct {
	proxy          *Proxy
	client, server *net.TCPConn
	opened         time.Time
	up, down       way
	talk           talk

	frozen atomic.Bool
	left   atomic.Bool // the client has closed its side
	gone   chan struct{}

	mu     sync.Mutex
	closed bool
}

// run passes bytes until both sides have ended.
func (p *pair) run() {
	defer p.proxy.forget(p)
	defer p.close()
	if p.frozen.Load() {
		p.swallow()
		return
	}
	if !p.connect() {
		return // the client sees its connection end
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		p.up.run(p.talk.commands)
		p.left.Store(true)
	})
	p.down.run(p.talk.replies)
	wait.Wait()
}

// swallow reads until the client gives up.
func (p *pair) swallow() {
	_, _ = io.Copy(io.Discard, p.client) // however it ends
	p.left.Store(true)
}

// connect dials the server.
func (p *pair) connect() bool {
	server, err := net.DialTCP("tcp", nil, p.proxy.target)
	if err != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = server.Close()
		return false
	}
	p.server = server
	p.up = way{pair: p, from: p.client, to: p.server}
	p.down = way{pair: p, from: p.server, to: p.client, delayed: true}
	p.talk.pair = p
	return true
}

// close ends both connections at once, with what is in flight.
func (p *pair) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	p.left.Store(true)
	close(p.gone)
	_ = p.client.Close()
	if p.server != nil {
		_ = p.server.Close()
		p.talk.end()
	}
}

// arrival is when bytes of a way that were read now are to arrive.
func (w *way) arrival(now time.Time) time.Time {
	at, p := now, w.pair.proxy
	if w.delayed {
		rtt := time.Duration(p.rtt.Load())
		at = at.Add(rtt)
		if earliest := w.pair.opened.Add(2 * rtt); rtt > 0 && at.Before(earliest) {
			at = earliest
		}
		if jitter := p.jitter.Load(); jitter > 0 {
			at = at.Add(time.Duration(rand.Int64N(jitter))) //nolint:gosec // no secret
		}
	}
	if loss := p.loss.Load(); loss > 0 && uint64(rand.Uint32()) < loss { //nolint:gosec // no secret
		at = at.Add(retransmission)
	}
	if at.Before(w.last) {
		at = w.last // TCP keeps the order
	}
	w.last = at
	return at
}
