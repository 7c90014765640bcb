package faultproxy

import (
	"sync"
	"sync/atomic"
	"time"
)

// patience is for how long a reply waits for another one to be exchanged with.
const patience = 50 * time.Millisecond

// replies says what happens to the replies of Redis.
type replies struct {
	swapping, alike  atomic.Bool
	armed            atomic.Int64 // replies that are still to be dropped
	waiting          atomic.Int64 // commands that wait for a reply
	dropped, swapped atomic.Int64

	mu     sync.Mutex
	match  func([]string) bool
	offers map[string]*offer // by what they can be exchanged for
}

// offer is a reply that waits for another one.
type offer struct {
	reply []byte
	other chan []byte
}

// DropReplies makes the replies of the next n commands that match get lost: Redis
// carries the command out, and the connection ends instead of the reply. A nil match
// takes any command. Commands with which clients begin a connection are never taken.
// An n of 0 ends it.
func (p *Proxy) DropReplies(n int, match func(command []string) bool) {
	p.replies.mu.Lock()
	defer p.replies.mu.Unlock()
	p.replies.match = match
	p.replies.armed.Store(int64(n))
}

// Dropped is how many replies were lost so far.
func (p *Proxy) Dropped() int { return int(p.replies.dropped.Load()) }

// SwapReplies exchanges replies between connections that wait for one at the same
// time: each gets what the other one asked for. Replies to the commands with which
// clients begin a connection stay where they belong.
func (p *Proxy) SwapReplies(on bool) {
	p.replies.alike.Store(false)
	p.replies.swapping.Store(on)
}

// SwapAlike is SwapReplies among commands of one name, whose replies are of one type: a
// client does not notice.
func (p *Proxy) SwapAlike() {
	p.replies.alike.Store(true)
	p.replies.swapping.Store(true)
}

// Swapped is how many replies came to the wrong connection so far.
func (p *Proxy) Swapped() int { return int(p.replies.swapped.Load()) }

// meddling reports whether commands must be read.
func (r *replies) meddling() bool { return r.swapping.Load() || r.armed.Load() > 0 }

// drops decides whether the reply of a command gets lost.
func (r *replies) drops(command []string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.armed.Load() <= 0 || r.match != nil && !r.match(command) {
		return false
	}
	r.armed.Add(-1)
	return true
}

// exchange returns the reply that somebody else waits for, or the same if nobody does.
func (r *replies) exchange(command string, reply []byte) []byte {
	if !r.alike.Load() {
		command = ""
	}
	r.mu.Lock()
	if other := r.offers[command]; other != nil {
		delete(r.offers, command)
		r.mu.Unlock()
		r.swapped.Add(2)
		other.other <- reply
		return other.reply
	}
	if r.waiting.Load() < 1 { // nobody else
		r.mu.Unlock()
		return reply
	}
	mine := &offer{reply, make(chan []byte, 1)}
	if r.offers == nil {
		r.offers = make(map[string]*offer)
	}
	r.offers[command] = mine
	r.mu.Unlock()
	select {
	case other := <-mine.other:
		return other
	case <-time.After(patience):
	}
	r.mu.Lock()
	if r.offers[command] == mine {
		delete(r.offers, command)
		r.mu.Unlock()
		return reply
	}
	r.mu.Unlock()
	return <-mine.other
}
