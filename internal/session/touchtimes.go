package session

import (
	"hash/maphash"
	"time"
)

const (
	touchSets = 1 << 16
	touchWays = 4
)

// touchTimes contains when sessions that are no longer in the cache were last extended. Without it,
// nearly every request would extend its session if there are more concurrent users than cached
// sessions. The table takes 2 MB for 260,000 sessions. If an entry is evicted, its session is extended
// once more than necessary. It is not safe for concurrent use.
type touchTimes struct {
	seed maphash.Seed
	sets []touchSet // nil until the first session is evicted from the cache
}

// touchSet contains the sessions with the same hash. Each entry consists of 32 bits of another hash,
// above the Unix time in seconds.
type touchSet [touchWays]uint64

func (t *touchTimes) remember(id string, at time.Time) {
	if t.sets == nil {
		t.seed, t.sets = maphash.MakeSeed(), make([]touchSet, touchSets)
	}
	set, tag := t.find(id)
	place := 0
	for i, entry := range set {
		if entry>>32 == tag {
			place = i
			break
		}
		if uint32(entry) < uint32(set[place]) { //nolint:gosec // the lower half: the oldest goes
			place = i
		}
	}
	set[place] = tag<<32 | uint64(uint32(at.Unix())) //nolint:gosec // until 2106
}

// last returns when a session was last extended, to the second, if that is known.
func (t *touchTimes) last(id string) (at time.Time, ok bool) {
	if t.sets == nil {
		return time.Time{}, false
	}
	set, tag := t.find(id)
	for _, entry := range set {
		if entry != 0 && entry>>32 == tag {
			return time.Unix(int64(uint32(entry)), 0), true //nolint:gosec // the lower half
		}
	}
	return time.Time{}, false
}

func (t *touchTimes) find(id string) (set *touchSet, tag uint64) {
	hash := maphash.String(t.seed, id)
	return &t.sets[hash%touchSets], hash >> 32
}
