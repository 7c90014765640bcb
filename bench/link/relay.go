package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// readSize is how much is read from a socket at once.
const readSize = 64 << 10

// relay forwards connections to Redis. It is used by one goroutine.
type relay struct {
	target      netip.AddrPort
	rtt, jitter time.Duration

	poll, timer, listener int
	ends                  map[int]*end // by file descriptor
	held                  []piece      // replies, in the order in which they are due
	armed                 time.Time    // when the timer will fire
	buffer                []byte
}

// end is one socket of a connection, which forwards what it reads to its peer.
type end struct {
	fd     int
	peer   *end
	delays bool      // it is Redis's
	last   time.Time // when the last piece that was read here is due
	closed bool
}

// piece is what was read at once. No data mean that the other side has closed.
type piece struct {
	due  time.Time
	to   *end
	data []byte
}

func newRelay(listen, target string, rtt, jitter time.Duration) (*relay, error) {
	at, err := netip.ParseAddrPort(listen)
	if err != nil {
		return nil, err
	}
	r := &relay{rtt: rtt, jitter: jitter, ends: make(map[int]*end), buffer: make([]byte, readSize)}
	if r.target, err = netip.ParseAddrPort(target); err != nil {
		return nil, err
	}
	// A timer of the kernel may be late by its slack, 50 us by default.
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return nil, err
	}
	if r.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if r.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return nil, err
	}
	if r.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, err
	}
	err = errors.Join(
		unix.SetsockoptInt(r.listener, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.Bind(r.listener, sockaddr(at)), unix.Listen(r.listener, 512),
		r.watch(r.timer, unix.EPOLLIN|unix.EPOLLET), r.watch(r.listener, unix.EPOLLIN))
	return r, err
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
}

func (r *relay) watch(fd int, events uint32) error {
	return unix.EpollCtl(r.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

// run forwards until something of its own fails.
func (r *relay) run(now func() time.Time) error {
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(r.poll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		for _, e := range events[:max(n, 0)] {
			switch fd := int(e.Fd); fd {
			case r.timer: // see below
			case r.listener:
				r.accept()
			default:
				if end := r.ends[fd]; end != nil {
					r.forward(end, now())
				}
			}
		}
		r.deliver(now)
		if err := r.arm(now()); err != nil {
			return err
		}
	}
}

func (r *relay) accept() {
	for {
		client, _, err := unix.Accept4(r.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		server, err := r.connect()
		if err != nil {
			_ = unix.Close(client) // as a Redis that is not there does
			continue
		}
		a, b := &end{fd: client}, &end{fd: server, delays: true}
		a.peer, b.peer = b, a
		for _, e := range []*end{a, b} {
			r.ends[e.fd] = e
			_ = unix.SetsockoptInt(e.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
			_ = r.watch(e.fd, unix.EPOLLIN)
		}
	}
}

func (r *relay) connect() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	if err := unix.Connect(fd, sockaddr(r.target)); err != nil { // at once, on loopback
		return 0, errors.Join(fmt.Errorf("connect %v: %w", r.target, err), unix.Close(fd))
	}
	return fd, unix.SetNonblock(fd, true)
}

// forward reads what has come, and writes it or holds it back.
func (r *relay) forward(from *end, now time.Time) {
	n, err := unix.Read(from.fd, r.buffer)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return
	case err != nil:
		n = 0
	}
	if n == 0 { // it has closed, and will not be read any more
		_ = unix.EpollCtl(r.poll, unix.EPOLL_CTL_DEL, from.fd, nil)
	}
	if !from.delays {
		r.write(from.peer, r.buffer[:n])
		return
	}
	due := now.Add(r.rtt)
	if r.jitter > 0 {
		due = due.Add(rand.N(r.jitter))
	}
	if due.Before(from.last) {
		due = from.last
	}
	from.last = due
	at := len(r.held)
	for at > 0 && r.held[at-1].due.After(due) {
		at--
	}
	r.held = slices.Insert(r.held, at, piece{due, from.peer, slices.Clone(r.buffer[:n])})
}

// deliver writes what is due.
func (r *relay) deliver(now func() time.Time) {
	n := 0
	for n < len(r.held) && !r.held[n].due.After(now()) {
		r.write(r.held[n].to, r.held[n].data)
		n++
	}
	r.held = slices.Delete(r.held, 0, n)
}

// arm sets the timer for what is due next.
func (r *relay) arm(now time.Time) error {
	if len(r.held) == 0 || r.held[0].due.Equal(r.armed) {
		return nil
	}
	r.armed = r.held[0].due
	wait := max(r.armed.Sub(now), 1) // 0 would disarm it
	return unix.TimerfdSettime(r.timer, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(wait))}, nil)
}

// write waits for a peer that does not read: neither Redis nor its clients write so much at
// once that both sides would.
func (r *relay) write(to *end, data []byte) {
	if len(data) == 0 {
		r.close(to)
		return
	}
	for len(data) > 0 && !to.closed {
		n, err := unix.Write(to.fd, data)
		switch {
		case errors.Is(err, unix.EAGAIN):
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(to.fd), Events: unix.POLLOUT}}, -1) // it is written to again in any case
		case errors.Is(err, unix.EINTR):
		case err != nil:
			r.close(to)
		default:
			data = data[n:]
		}
	}
}

// close ends a connection.
func (r *relay) close(one *end) {
	for _, e := range []*end{one, one.peer} {
		if !e.closed {
			e.closed = true
			delete(r.ends, e.fd)
			_ = unix.Close(e.fd) // nothing is unwritten
		}
	}
}
