package faultproxy

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// talk follows which reply on a connection to Redis belongs to which command.
type talk struct {
	pair  *pair
	redis atomic.Bool // whether it is a connection to Redis

	// Of commands:
	begun   bool
	asking  scanner
	command []byte // what was read of one

	// Of replies:
	answering scanner
	treatment treatment
	held      []byte // what was read of one that does not pass as it is

	mu      sync.Mutex
	pending []request // in order
	ended   bool
}

// request is a command whose reply has not come yet.
type request struct {
	drop  bool   // the reply
	swaps string // the command, whose reply may be exchanged for another; else ""
}

// treatment is what happens to a message from the server.
type treatment int

const (
	pass treatment = iota
	push           // pass, for it is no reply
	drop
	swap
)

// greetings are the commands with which clients begin a connection. Without their
// replies there is none, and nothing to be tested.
var greetings = []string{"HELLO", "AUTH", "CLIENT", "SELECT", "READONLY", "COMMAND", "CLUSTER"}

// commands is the filter of what the client sends. All of it passes.
func (t *talk) commands(read []byte) ([]byte, bool) {
	if !t.begun {
		t.begun = true
		t.redis.Store(read[0] == '*') // neither TLS nor HTTP begins like this
	}
	for rest := read; t.redis.Load() && len(rest) > 0; {
		n, end := t.asking.next(rest)
		switch {
		case !end:
			t.command = append(t.command, rest[:n]...)
		case len(t.command) > 0:
			t.ask(append(t.command, rest[:n]...))
			t.command = t.command[:0]
		default:
			t.ask(rest[:n])
		}
		rest = rest[n:]
	}
	return read, true
}

// ask remembers a command, before the server can answer it.
func (t *talk) ask(message []byte) {
	var r request
	replies := &t.pair.proxy.replies
	if replies.meddling() {
		args := arguments(message)
		if len(args) > 0 && !slices.Contains(greetings, strings.ToUpper(args[0])) {
			r.swaps = strings.ToUpper(args[0])
			r.drop = replies.drops(args)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		t.pending = append(t.pending, r)
		replies.waiting.Add(1)
	}
}

// replies is the filter of what the server sends.
func (t *talk) replies(read []byte) ([]byte, bool) {
	if !t.redis.Load() {
		return read, true
	}
	var out []byte
	copied := false // since something did not pass as it is
	for at := 0; at < len(read); {
		if !t.answering.inside {
			t.treatment = t.treat(read[at])
		}
		if t.treatment >= drop && !copied {
			out, copied = slices.Clone(read[:at]), true
		}
		n, end := t.answering.next(read[at:])
		passes, alive := t.take(read[at:at+n], end)
		if copied {
			out = append(out, passes...)
		}
		if !alive {
			return out, false
		}
		at += n
	}
	if copied {
		return out, true
	}
	return read, true
}

// take takes in a piece of a message, perhaps its last, and returns what passes now.
func (t *talk) take(piece []byte, last bool) (passes []byte, alive bool) {
	passes = piece
	if t.treatment >= drop {
		t.held, passes = append(t.held, piece...), nil
	}
	if !last {
		return passes, true
	}
	switch t.treatment {
	case push:
		return passes, true
	case drop:
		t.pair.proxy.replies.dropped.Add(1)
		return nil, false
	case swap:
		passes = t.pair.proxy.replies.exchange(t.answered(), t.held)
		t.held = nil
		return passes, true
	case pass:
	}
	t.answered()
	return passes, true
}

// treat decides about a message that begins with a byte.
func (t *talk) treat(first byte) treatment {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case first == '>':
		return push
	case len(t.pending) == 0:
		return pass
	case t.pending[0].drop:
		return drop
	case t.pending[0].swaps != "" && t.pair.proxy.replies.swapping.Load():
		return swap
	}
	return pass
}

// answered is called with each reply, and returns what it may be exchanged as.
func (t *talk) answered() (swaps string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.pending) > 0 {
		swaps = t.pending[0].swaps
		t.pending = slices.Delete(t.pending, 0, 1)
		t.pair.proxy.replies.waiting.Add(-1)
	}
	return swaps
}

// end is for a connection on which nothing is answered any more.
func (t *talk) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.pair.proxy.replies.waiting.Add(-int64(len(t.pending)))
	t.pending = nil
}
