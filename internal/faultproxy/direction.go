package faultproxy

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// link is the state that both directions of a connection share.
type link struct {
	network  *network
	openedAt time.Time
	frozen   atomic.Bool
	gone     chan struct{} // closed when the connection has ended
	cut      func()
}

// direction is one direction of a connection. Bytes without a delay are written by the goroutine
// that reads them. Delayed bytes wait for the clock, and are written by a goroutine that starts
// with the first of them.
type direction struct {
	link     *link
	from, to *net.TCPConn
	delayed  bool
	last     time.Time     // arrival of the last segment
	ready    chan struct{} // has a value when a segment has arrived; nil until one is delayed
	written  sync.WaitGroup

	mu       sync.Mutex
	inFlight []segment // in order of arrival; the clock waits for the first
	landed   []segment // to be written
}

// filter receives the bytes that were read, and returns the bytes to forward: the same, the first
// of them, or memory of its own. If it returns false, the connection is cut afterwards.
type filter func(read []byte) (forward []byte, open bool)

func (d *direction) run(through filter) {
	for {
		b := newBuffer()
		n, err := d.from.Read(b[:])
		s := segment{bytes: b[:n], buffer: b}
		if n > 0 && !d.link.frozen.Load() {
			var open bool
			if s.bytes, open = through(b[:n]); !open {
				s.end = cut
			}
			if len(s.bytes) > 0 && &s.bytes[0] != &b[0] {
				s.buffer = nil
				buffers.Put(b)
			}
		}
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			s.end = cut
		case err != nil && s.end == stillOpen:
			s.end = halfClosed
		}
		d.send(s)
		if s.end != stillOpen {
			d.written.Wait()
			return
		}
	}
}

// send writes a segment now, or has the clock wait for its arrival.
func (d *direction) send(s segment) {
	now := time.Now()
	s.arrivesAt = d.arrival(now)
	if d.ready == nil && !s.arrivesAt.After(now) {
		d.write(s)
		return
	}
	if d.ready == nil {
		d.ready = make(chan struct{}, 1)
		d.written.Go(d.writeLanded)
	}
	d.mu.Lock()
	d.inFlight = append(d.inFlight, s)
	first := len(d.inFlight) == 1
	d.mu.Unlock()
	if first {
		d.link.network.clock.expect(d, s.arrivesAt)
	}
}

// arrival returns when bytes arrive that were read now.
func (d *direction) arrival(now time.Time) time.Time {
	at := now
	if d.delayed {
		at = d.link.network.delayed(now, d.link.openedAt)
	}
	if d.link.network.loses() {
		at = at.Add(retransmission)
	}
	if at.Before(d.last) {
		at = d.last // TCP keeps the order
	}
	d.last = at
	return at
}

// arrived passes the segments that have arrived to the writer, and returns when the next one
// arrives.
func (d *direction) arrived(now time.Time) (next time.Time, more bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for n < len(d.inFlight) && !d.inFlight[n].arrivesAt.After(now) {
		n++
	}
	d.landed = append(d.landed, d.inFlight[:n]...)
	d.inFlight = append(d.inFlight[:0], d.inFlight[n:]...)
	select {
	case d.ready <- struct{}{}:
	default: // the writer has yet to take the last value
	}
	if len(d.inFlight) == 0 {
		return time.Time{}, false
	}
	return d.inFlight[0].arrivesAt, true
}

// writeLanded writes until the last segment, or until the connection has ended.
func (d *direction) writeLanded() {
	var batch []segment
	for {
		select {
		case <-d.ready:
		case <-d.link.gone:
			return
		}
		d.mu.Lock()
		batch, d.landed = d.landed, batch[:0]
		d.mu.Unlock()
		for _, s := range batch {
			d.write(s)
			if s.end != stillOpen {
				return
			}
		}
	}
}

func (d *direction) write(s segment) {
	if s.buffer != nil {
		defer buffers.Put(s.buffer)
	}
	if d.link.frozen.Load() {
		return // a frozen connection does not forward its end either
	}
	if len(s.bytes) > 0 {
		if _, err := d.to.Write(s.bytes); err != nil {
			s.end = cut
		}
	}
	switch s.end {
	case halfClosed:
		_ = d.to.CloseWrite() // it may be closed
	case cut:
		d.link.cut()
	case stillOpen:
	}
}
