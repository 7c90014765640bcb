package record

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

// memoryLists are Lists in this process.
type memoryLists struct {
	seed   maphash.Seed
	shards [memoryShards]listShard // by hash of the key of a list or mark
}

// listShard is a part of the lists and marks. No call examines all names on a list, except if they are
// requested or if the limit of the list is exceeded.
type listShard struct {
	mu    sync.Mutex // guards the fields below
	names expiring[listing, int]
	lists map[string][]*listedName // in no particular order
	marks expiring[string, time.Time]
}

// listing is a name on a list.
type listing struct{ list, name string }

// listedName is a listing with its expiry. Its value is its index in the list.
type listedName = expiringEntry[listing, int]

func newMemoryLists() *memoryLists {
	return &memoryLists{seed: maphash.MakeSeed()}
}

// locked locks the shard of a key and returns it.
func (m *memoryLists) locked(key string) *listShard {
	s := &m.shards[maphash.String(m.seed, key)%memoryShards]
	s.mu.Lock()
	return s
}

// Enlist implements [Lists].
func (m *memoryLists) Enlist(_ context.Context, name string, until time.Time, lists ...List) (excess []string, err error) {
	for i, list := range lists {
		if i > 0 {
			list.Max = 0
		}
		excess = append(excess, m.enlist(name, until, list)...)
	}
	return excess, nil
}

// enlist adds a name to a list and returns the names that exceed its limit.
func (m *memoryLists) enlist(name string, until time.Time, list List) (excess []string) {
	e := &listedName{key: listing{list.Key, name}, expiresAt: until}
	s := m.locked(list.Key)
	defer s.mu.Unlock()
	s.add(e)
	if list.Max == 0 || len(s.lists[list.Key]) <= list.Max {
		return nil
	}
	s.removeExpired(list.Key)
	if len(s.lists[list.Key]) <= list.Max {
		return nil
	}
	return list.Excess(lastFirst(s.expiries(list.Key)), name)
}

// Listed implements [Lists].
func (m *memoryLists) Listed(_ context.Context, lists ...string) (names []string, err error) {
	all := make(map[string]time.Time)
	for _, list := range lists {
		for name, until := range m.expiriesOn(list) {
			if until.After(all[name]) {
				all[name] = until
			}
		}
	}
	return lastFirst(all), nil
}

func (m *memoryLists) expiriesOn(list string) map[string]time.Time {
	s := m.locked(list)
	defer s.mu.Unlock()
	s.removeExpired(list)
	return s.expiries(list)
}

// Delist implements [Lists].
func (m *memoryLists) Delist(_ context.Context, name string, lists ...string) error {
	for _, list := range lists {
		m.delist(name, list)
	}
	return nil
}

func (m *memoryLists) delist(name, list string) {
	s := m.locked(list)
	defer s.mu.Unlock()
	if e := s.names.get(listing{list, name}); e != nil {
		s.names.remove(e)
	}
}

// Mark implements [Lists].
func (m *memoryLists) Mark(_ context.Context, key string, ago time.Duration) error {
	at := time.Now().Add(-ago)
	e := &expiringEntry[string, time.Time]{key: key, value: at, expiresAt: at.Add(MarkTTL)}
	s := m.locked(key)
	defer s.mu.Unlock()
	if present := s.marks.get(key); present == nil || at.After(present.value) {
		s.marks.put(e)
	}
	return nil
}

// Marked implements [Lists].
func (m *memoryLists) Marked(_ context.Context, keys ...string) (ago time.Duration, err error) {
	ago = Never
	for _, key := range keys {
		ago = min(ago, m.ageOf(key))
	}
	return ago, nil
}

func (m *memoryLists) ageOf(mark string) time.Duration {
	s := m.locked(mark)
	defer s.mu.Unlock()
	if e := s.marks.get(mark); e != nil {
		return time.Since(e.value)
	}
	return Never
}

// Listings returns the number of names on all lists and of marks, including expired ones that
// were not removed yet.
func (m *memoryLists) Listings() (n int) {
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		n += s.names.len() + s.marks.len()
		s.mu.Unlock()
	}
	return n
}

func (s *listShard) add(e *listedName) {
	if s.lists == nil { // most shards of a small app stay empty
		s.lists, s.names.removed = make(map[string][]*listedName), s.unlist
	}
	if old := s.names.entries[e.key]; old != nil {
		old.expiresAt = e.expiresAt
		return
	}
	if names := s.lists[e.key.list]; len(names) > 0 {
		e.key.list = names[0].key.list // all names of the list share one copy of its key
	}
	s.names.put(e)
	names := s.lists[e.key.list] // put may have removed expired names
	e.value = len(names)
	s.lists[e.key.list] = append(names, e)
}

// unlist removes a name from its list after the entry has been removed.
func (s *listShard) unlist(e *listedName) {
	list := s.lists[e.key.list]
	end := len(list) - 1
	last := list[end]
	list[e.value], last.value = last, e.value
	list[end] = nil
	if s.lists[e.key.list] = list[:end]; end == 0 {
		delete(s.lists, e.key.list)
	}
}

// removeExpired removes the expired names on a list.
func (s *listShard) removeExpired(list string) {
	now := time.Now()
	for i := len(s.lists[list]) - 1; i >= 0; i-- { // backwards, because the last name moves to the place of a removed one
		if e := s.lists[list][i]; !now.Before(e.expiresAt) {
			s.names.remove(e)
		}
	}
}

// expiries returns the names on a list.
func (s *listShard) expiries(list string) map[string]time.Time {
	names := make(map[string]time.Time, len(s.lists[list]))
	for _, e := range s.lists[list] {
		names[e.key.name] = e.expiresAt
	}
	return names
}
