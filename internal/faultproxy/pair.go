package faultproxy

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// pair is a client's connection to the proxy and the proxy's connection to the server.
type pair struct {
	link
	client, server *net.TCPConn
	target         *net.TCPAddr
	up, down       direction
	tracker        tracker
	left           atomic.Bool // the client has closed its side
	forget         func(*pair)

	mu     sync.Mutex
	closed bool
}

func newPair(client *net.TCPConn, target *net.TCPAddr, n *network, r *replies, forget func(*pair)) *pair {
	p := &pair{
		link:   link{network: n, openedAt: time.Now(), gone: make(chan struct{})},
		client: client, target: target, tracker: tracker{replies: r}, forget: forget,
	}
	p.cut = p.close
	return p
}

// run forwards bytes until both sides have ended.
func (p *pair) run() {
	defer p.forget(p)
	defer p.close()
	if p.frozen.Load() {
		p.discard()
		return
	}
	if !p.connect() {
		return // which closes the client's connection
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		p.up.run(p.tracker.filterCommands)
		p.left.Store(true)
	})
	p.down.run(p.tracker.filterReplies)
	wait.Wait()
}

// discard reads until the client gives up.
func (p *pair) discard() {
	_, _ = io.Copy(io.Discard, p.client) // its error does not matter
	p.left.Store(true)
}

// connect dials the server.
func (p *pair) connect() bool {
	server, err := net.DialTCP("tcp", nil, p.target)
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
	p.up = direction{link: &p.link, from: p.client, to: p.server}
	p.down = direction{link: &p.link, from: p.server, to: p.client, delayed: true}
	return true
}

// close closes both connections at once. Bytes in flight are lost.
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
		p.tracker.stop()
	}
}
