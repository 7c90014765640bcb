package faultproxy

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const bufferSize = 16 << 10

type buffer [bufferSize]byte

var buffers sync.Pool

func newBuffer() *buffer {
	b, ok := buffers.Get().(*buffer)
	if !ok {
		b = new(buffer)
	}
	return b
}

// segment is what was read at once, on its way.
type segment struct {
	at     time.Time
	bytes  []byte
	buffer *buffer // that bytes lie in, if it is one of the pool
	end    ending
}

// ending is what happens after the bytes of a segment.
type ending int

const (
	goesOn ending = iota
	halfClosed
	cut
)

// way is one direction of a connection. Bytes that are not late are written by whoever
// reads them. Late ones wait for the clock, and are written by a goroutine that the
// first of them starts.
type way struct {
	pair     *pair
	from, to *net.TCPConn
	delayed  bool
	last     time.Time     // arrival of the last segment
	writing  chan struct{} // has a value when something landed; nil until something is late
	written  sync.WaitGroup

	mu     sync.Mutex
	flying []segment // in order of arrival; the clock waits for the first
	landed []segment // to be written
}

// filter sees what passes, and returns what is to pass: the same bytes, the first of
// them, or memory of its own.
type filter func(read []byte) (pass []byte, alive bool)

func (w *way) run(through filter) {
	for {
		b := newBuffer()
		n, err := w.from.Read(b[:])
		s := segment{bytes: b[:n], buffer: b}
		if n > 0 && !w.pair.frozen.Load() {
			var alive bool
			if s.bytes, alive = through(b[:n]); !alive {
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
		case err != nil && s.end == goesOn:
			s.end = halfClosed
		}
		w.send(s)
		if s.end != goesOn {
			w.written.Wait()
			return
		}
	}
}

// send writes a segment, or leaves it to the clock.
func (w *way) send(s segment) {
	now := time.Now()
	s.at = w.arrival(now)
	if w.writing == nil && !s.at.After(now) {
		w.write(s)
		return
	}
	if w.writing == nil {
		w.writing = make(chan struct{}, 1)
		w.written.Go(w.writeLanded)
	}
	w.mu.Lock()
	w.flying = append(w.flying, s)
	first := len(w.flying) == 1
	w.mu.Unlock()
	if first {
		w.pair.proxy.clock.await(w, s.at)
	}
}

// arrived lets the writer have what has arrived, and says when the rest will begin to.
func (w *way) arrived(now time.Time) (next time.Time, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for n < len(w.flying) && !w.flying[n].at.After(now) {
		n++
	}
	w.landed = append(w.landed, w.flying[:n]...)
	w.flying = append(w.flying[:0], w.flying[n:]...)
	select {
	case w.writing <- struct{}{}:
	default: // it will look
	}
	if len(w.flying) == 0 {
		return time.Time{}, false
	}
	return w.flying[0].at, true
}

// writeLanded writes until the last segment, or until the connection is gone.
func (w *way) writeLanded() {
	var batch []segment
	for {
		select {
		case <-w.writing:
		case <-w.pair.gone:
			return
		}
		w.mu.Lock()
		batch, w.landed = w.landed, batch[:0]
		w.mu.Unlock()
		for _, s := range batch {
			w.write(s)
			if s.end != goesOn {
				return
			}
		}
	}
}

func (w *way) write(s segment) {
	if s.buffer != nil {
		defer buffers.Put(s.buffer)
	}
	if w.pair.frozen.Load() {
		return // also the news that the other side has closed
	}
	if len(s.bytes) > 0 {
		if _, err := w.to.Write(s.bytes); err != nil {
			s.end = cut
		}
	}
	switch s.end {
	case halfClosed:
		_ = w.to.CloseWrite() // it may be closed
	case cut:
		w.pair.close()
	case goesOn:
	}
}
