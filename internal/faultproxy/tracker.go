package faultproxy

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// tracker matches the replies on a connection to Redis with their commands.
type tracker struct {
	replies *replies
	isRedis atomic.Bool

	// Used by filterCommands:
	begun    bool
	commands scanner
	command  []byte // the beginning of an incomplete command

	// Used by filterReplies:
	messages scanner
	action   action
	held     []byte // the beginning of an incomplete message that is not forwarded as it is

	mu      sync.Mutex
	pending []request // in order
	stopped bool
}

// request is a command without a reply yet.
type request struct {
	drop bool   // drop its reply
	swap string // the name of a command whose reply may be swapped, or ""
}

// action is what is done with a message from the server.
type action int

const (
	forward     action = iota
	forwardPush        // forward a message that is not a reply
	drop
	swap
)

// setupCommands are the commands with which clients begin a connection. Without their replies
// there is no connection to test.
var setupCommands = []string{"HELLO", "AUTH", "CLIENT", "SELECT", "READONLY", "COMMAND", "CLUSTER"}

// filterCommands is the filter of the bytes from the client. It forwards all of them.
func (t *tracker) filterCommands(read []byte) ([]byte, bool) {
	if !t.begun {
		t.begun = true
		t.isRedis.Store(read[0] == '*') // neither TLS nor HTTP begins with it
	}
	for rest := read; t.isRedis.Load() && len(rest) > 0; {
		n, end := t.commands.next(rest)
		switch {
		case !end:
			t.command = append(t.command, rest[:n]...)
		case len(t.command) > 0:
			t.expectReply(append(t.command, rest[:n]...))
			t.command = t.command[:0]
		default:
			t.expectReply(rest[:n])
		}
		rest = rest[n:]
	}
	return read, true
}

// expectReply records a command before it is sent, so before the server can reply.
func (t *tracker) expectReply(command []byte) {
	var r request
	if t.replies.needCommands() {
		args := arguments(command)
		if len(args) > 0 && !slices.Contains(setupCommands, strings.ToUpper(args[0])) {
			r.swap = strings.ToUpper(args[0])
			r.drop = t.replies.drops(args)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.stopped {
		t.pending = append(t.pending, r)
		t.replies.pending.Add(1)
	}
}

// filterReplies is the filter of the bytes from the server.
func (t *tracker) filterReplies(read []byte) ([]byte, bool) {
	if !t.isRedis.Load() {
		return read, true
	}
	var out []byte
	copied := false // because a message is not forwarded as it is
	for at := 0; at < len(read); {
		if !t.messages.inside {
			t.action = t.actionFor(read[at])
		}
		if t.action >= drop && !copied {
			out, copied = slices.Clone(read[:at]), true
		}
		n, end := t.messages.next(read[at:])
		forwarded, open := t.handle(read[at:at+n], end)
		if copied {
			out = append(out, forwarded...)
		}
		if !open {
			return out, false
		}
		at += n
	}
	if copied {
		return out, true
	}
	return read, true
}

// handle handles a piece of a message, perhaps its last, and returns the bytes to forward now.
func (t *tracker) handle(piece []byte, last bool) (forwarded []byte, open bool) {
	forwarded = piece
	if t.action >= drop {
		t.held, forwarded = append(t.held, piece...), nil
	}
	if !last {
		return forwarded, true
	}
	switch t.action {
	case forwardPush:
		return forwarded, true
	case drop:
		t.replies.dropped.Add(1)
		return nil, false
	case swap:
		forwarded = t.replies.swap(t.replied(), t.held)
		t.held = nil
		return forwarded, true
	case forward:
	}
	t.replied()
	return forwarded, true
}

// actionFor returns the action for a message that begins with a byte.
func (t *tracker) actionFor(first byte) action {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case first == '>':
		return forwardPush
	case len(t.pending) == 0:
		return forward
	case t.pending[0].drop:
		return drop
	case t.pending[0].swap != "" && t.replies.swapping.Load():
		return swap
	}
	return forward
}

// replied removes the request of a complete reply, and returns the name of its command if the reply
// may be swapped.
func (t *tracker) replied() (command string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.pending) > 0 {
		command = t.pending[0].swap
		t.pending = slices.Delete(t.pending, 0, 1)
		t.replies.pending.Add(-1)
	}
	return command
}

// stop removes all requests, because the connection has ended.
func (t *tracker) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	t.replies.pending.Add(-int64(len(t.pending)))
	t.pending = nil
}
