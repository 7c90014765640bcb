package faultproxy

import (
	"errors"
	"net"
	"time"
)

// FreezeExisting makes existing connections forward nothing any more, in both directions and
// permanently. Neither side is notified. New connections work.
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

// BlackHole freezes existing connections and new ones, which the kernel still accepts.
func (p *Proxy) BlackHole() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.freeze()
	p.blackHole = true
}

// Unreachable freezes existing connections, and does not accept new ones: a SYN gets no answer, as
// if the address had moved. After [Proxy.Resume], a client that still waits is connected when it
// repeats its SYN, which Linux does after a second. Only Linux supports this.
func (p *Proxy) Unreachable() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.freeze()
	if p.listener == nil || len(p.fillers) != 0 {
		return errors.New("faultproxy: the port is closed or unreachable already")
	}
	if err := p.listener.SetDeadline(time.Now()); err != nil { // ends accept
		return err
	}
	if err := setBacklog(p.listener, 0); err != nil {
		return err
	}
	return p.fillQueue()
}

// Refuse closes the port until [Proxy.Resume], so that connecting to it fails at once. It does not
// affect existing connections; for those, see [Proxy.Cut].
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeListener()
	p.drainQueue()
}

// Cut closes all connections, including frozen ones.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for pair := range p.pairs {
		pair.close()
	}
}

// Resume makes new connections work again. Frozen connections stay frozen.
func (p *Proxy) Resume() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blackHole = false
	if len(p.fillers) != 0 { // the queue is full
		l := p.listener
		if err := setBacklog(l, usualBacklog); err != nil {
			return err
		}
		p.drainQueue()
		if err := l.SetDeadline(time.Time{}); err != nil {
			return err
		}
		p.wait.Go(func() { p.accept(l) })
	}
	if p.listener == nil && !p.closed {
		return p.listen()
	}
	return nil
}

// fillQueue connects to the proxy itself until the kernel drops a SYN.
func (p *Proxy) fillQueue() error {
	dialer := net.Dialer{Timeout: 100 * time.Millisecond}
	for range 100 {
		filler, err := dialer.Dial("tcp", p.addr)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() { // full, perhaps with clients that were not accepted yet
			return nil
		}
		if err != nil {
			return err
		}
		p.fillers = append(p.fillers, filler)
	}
	return errors.New("faultproxy: the queue of the port does not fill up")
}
