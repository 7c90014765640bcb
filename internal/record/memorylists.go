package record

import (
	"context"
	"slices"
	"sync"
	"time"
)

// memoryLists are Lists of this process.
type memoryLists struct {
	mu     sync.Mutex
	lists  map[string]map[string]time.Time
	marked map[string]time.Time
	due    sweeping
}

func newMemoryLists() *memoryLists {
	return &memoryLists{lists: make(map[string]map[string]time.Time), marked: make(map[string]time.Time)}
}

// Enlist implements [Lists].
func (m *memoryLists) Enlist(_ context.Context, name string, until time.Time, lists ...List) (excess []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, list := range lists {
		if m.lists[list.Key] == nil {
			m.lists[list.Key] = make(map[string]time.Time)
		}
		m.lists[list.Key][name] = until
		if i > 0 || list.Most == 0 || len(m.lists[list.Key]) <= list.Most {
			continue
		}
		names, most := m.alive(list.Key), list.Most
		if list.Newest {
			names, most = slices.DeleteFunc(names, func(other string) bool { return other == name }), most-1
		}
		if len(names) > most {
			excess = names[most:]
			slices.Reverse(excess)
		}
	}
	if m.due.written(len(lists)) {
		m.sweep()
	}
	return excess, nil
}

// Listed implements [Lists].
func (m *memoryLists) Listed(_ context.Context, lists ...string) (names []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ends := make(map[string]time.Time)
	for _, list := range lists {
		for _, name := range m.alive(list) {
			if until := m.lists[list][name]; until.After(ends[name]) {
				ends[name] = until
			}
		}
	}
	return lastFirst(ends), nil
}

// Delist implements [Lists].
func (m *memoryLists) Delist(_ context.Context, name string, lists ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, list := range lists {
		delete(m.lists[list], name)
		if len(m.lists[list]) == 0 {
			delete(m.lists, list)
		}
	}
	return nil
}

// Mark implements [Lists].
func (m *memoryLists) Mark(_ context.Context, key string, ago time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at := time.Now().Add(-ago); at.After(m.marked[key]) {
		m.marked[key] = at
	}
	if m.due.written(1) {
		m.sweep()
	}
	return nil
}

// Marked implements [Lists].
func (m *memoryLists) Marked(_ context.Context, keys ...string) (ago time.Duration, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ago = Never
	for _, key := range keys {
		if at, ok := m.marked[key]; ok {
			ago = min(ago, time.Since(at))
		}
	}
	return ago, nil
}

// alive are the names on a list whose end has not come, the latest first.
func (m *memoryLists) alive(list string) []string {
	m.prune(list, time.Now())
	return lastFirst(m.lists[list])
}

// prune removes the names whose end has come.
func (m *memoryLists) prune(list string, now time.Time) {
	for name, until := range m.lists[list] {
		if !now.Before(until) {
			delete(m.lists[list], name)
		}
	}
	if len(m.lists[list]) == 0 {
		delete(m.lists, list)
	}
}

// sweep removes what nobody asks for any more.
func (m *memoryLists) sweep() {
	now, left := time.Now(), len(m.marked)
	for list := range m.lists {
		m.prune(list, now)
		left += len(m.lists[list])
	}
	for key, at := range m.marked {
		if now.Sub(at) >= MarkLife {
			delete(m.marked, key)
		}
	}
	m.due.swept(left)
}

// Listings is how many names there are on all lists, and marks, those included whose end
// has come.
func (m *memoryLists) Listings() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.marked)
	for _, names := range m.lists {
		n += len(names)
	}
	return n
}

// sweeping is when to look for what has ended: when as much was written as there was left
// the last time. Each write then costs the same, and what has ended is never most of it by
// much.
type sweeping struct{ writes, left int }

// sweepEvery is how much is written at least in between.
const sweepEvery = 1024

// written reports whether it is time.
func (s *sweeping) written(n int) bool {
	s.writes += n
	return s.writes >= max(sweepEvery, s.left)
}

func (s *sweeping) swept(left int) { s.writes, s.left = 0, left }
