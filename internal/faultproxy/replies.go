package faultproxy

import (
	"sync"
	"sync/atomic"
	"time"
)

// swapTimeout is how long a reply waits for another one to be swapped with.
const swapTimeout = 50 * time.Millisecond

// replies decides which replies of Redis are dropped or swapped, for all connections of a proxy.
type replies struct {
	swapping, sameCommand atomic.Bool
	toDrop                atomic.Int64 // replies that are still to be dropped
	pending               atomic.Int64 // commands without a reply yet
	dropped, swapped      atomic.Int64

	mu     sync.Mutex
	match  func([]string) bool
	offers map[string]*offer // by command, or "" for any
}

// offer is a reply that waits for another one.
type offer struct {
	reply []byte
	other chan []byte
}

func (r *replies) drop(n int, match func(command []string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.match = match
	r.toDrop.Store(int64(n))
}

// needCommands reports whether commands must be parsed.
func (r *replies) needCommands() bool { return r.swapping.Load() || r.toDrop.Load() > 0 }

// drops decides whether the reply of a command is dropped.
func (r *replies) drops(command []string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.toDrop.Load() <= 0 || r.match != nil && !r.match(command) {
		return false
	}
	r.toDrop.Add(-1)
	return true
}

// swap exchanges a reply for that of another connection, and returns that. If no other connection
// waits for a reply, it returns the same reply.
func (r *replies) swap(command string, reply []byte) []byte {
	if !r.sameCommand.Load() {
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
	if r.pending.Load() < 1 { // no other connection
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
	case <-time.After(swapTimeout):
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
