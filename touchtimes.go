package fibermsal

import (
	"hash/maphash"
	"time"
)

const (
	touchSets = 1 << 16
	touchWays = 4
)

// touchTimes are when the sessions that are remembered no more were last prolonged: with
// more users at once than sessions that a process remembers, each would else be prolonged
// by nearly every request. They are 2 MB for 260,000 sessions; of one that finds no room
// it is forgotten, and it is prolonged once more. It is not safe for concurrent use.
type touchTimes struct {
	seed maphash.Seed
	sets []touchSet // nil until the first session is forgotten
}

// touchSet are the sessions of one hash, each as 32 bits of another one above the Unix
// time in seconds.
type touchSet [touchWays]uint64

func (t *touchTimes) remember(recordName string, at time.Time) {
	if t.sets == nil {
		t.seed, t.sets = maphash.MakeSeed(), make([]touchSet, touchSets)
	}
	set, tag := t.find(recordName)
	place := 0
	for i, one := range set {
		if one>>32 == tag {
			place = i
			break
		}
		if uint32(one) < uint32(set[place]) { //nolint:gosec // the lower half: the oldest goes
			place = i
		}
	}
	set[place] = tag<<32 | uint64(uint32(at.Unix())) //nolint:gosec // until 2106
}

// last returns when a session was prolonged, to the second, if that is known.
func (t *touchTimes) last(recordName string) (at time.Time, known bool) {
	if t.sets == nil {
		return time.Time{}, false
	}
	set, tag := t.find(recordName)
	for _, one := range set {
		if one != 0 && one>>32 == tag {
			return time.Unix(int64(uint32(one)), 0), true //nolint:gosec // the lower half
		}
	}
	return time.Time{}, false
}

func (t *touchTimes) find(recordName string) (set *touchSet, tag uint64) {
	hash := maphash.String(t.seed, recordName)
	return &t.sets[hash%touchSets], hash >> 32
}
