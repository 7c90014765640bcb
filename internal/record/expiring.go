package record

import "time"

// visitsPerWrite is how many entries each write examines to remove those that have expired. With two,
// there are fewer expired entries than valid ones, as long as entries are written at least as fast as
// they expire.
const visitsPerWrite = 2

// expiring is a map whose entries expire. It has no goroutines and never examines all entries. Each
// write examines a few of them in turn, so that the duration of a write, and of a read that waits for
// it, does not depend on the number of entries. The zero value is empty. It is not safe for concurrent
// use.
type expiring[K comparable, V any] struct {
	entries map[K]*expiringEntry[K, V]
	turns   []*expiringEntry[K, V] // all entries, in the order in which writes examine them
	next    int                    // in turns
	removed func(*expiringEntry[K, V])
	visits  int // how many entries writes have examined
}

type expiringEntry[K comparable, V any] struct {
	key       K
	value     V
	expiresAt time.Time
	turn      int // in turns
}

// get returns an entry that has not expired, or nil.
func (x *expiring[K, V]) get(key K) *expiringEntry[K, V] {
	e := x.entries[key]
	if e != nil && !time.Now().Before(e.expiresAt) {
		x.remove(e)
		return nil
	}
	return e
}

// put adds an entry, or replaces the content of the entry with the same key, which it then returns. The
// caller must create the entry before it locks the mutex that guards the map, because an allocation may
// have to assist the garbage collector.
func (x *expiring[K, V]) put(e *expiringEntry[K, V]) (replaced *expiringEntry[K, V]) {
	x.removeSomeExpired()
	if old := x.entries[e.key]; old != nil {
		old.value, old.expiresAt = e.value, e.expiresAt
		return old
	}
	if x.entries == nil {
		x.entries = make(map[K]*expiringEntry[K, V])
	}
	x.entries[e.key], e.turn = e, len(x.turns)
	x.turns = append(x.turns, e)
	return nil
}

func (x *expiring[K, V]) remove(e *expiringEntry[K, V]) {
	delete(x.entries, e.key)
	end := len(x.turns) - 1
	last := x.turns[end]
	x.turns[e.turn], last.turn = last, e.turn
	x.turns[end] = nil
	x.turns = x.turns[:end]
	if x.removed != nil {
		x.removed(e)
	}
}

// removeSomeExpired examines the next entries and removes those that have expired. An entry that takes
// the place of a removed one is examined in the next round, because it is probably new.
func (x *expiring[K, V]) removeSomeExpired() {
	now := time.Now()
	for n := 0; n < visitsPerWrite && len(x.turns) > 0; n++ {
		x.visits++
		if x.next >= len(x.turns) {
			x.next = 0
		}
		if e := x.turns[x.next]; !now.Before(e.expiresAt) {
			x.remove(e)
		}
		x.next++
	}
}

func (x *expiring[K, V]) len() int { return len(x.turns) }
