package record

import (
	"context"
	"sync"
	"time"
)

// memoryLists are Lists in this process.
type memoryLists struct {
	mu     sync.Mutex
	lists  map[string]map[string]time.Time // expiry by name by list
	marks  map[string]time.Time            // by key
	sweeps sweeps
}

func newMemoryLists() *memoryLists {
	return &memoryLists{lists: make(map[string]map[string]time.Time), marks: make(map[string]time.Time)}
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
		if i == 0 {
			excess = m.excess(list, name)
		}
	}
	if m.sweeps.wrote(len(lists)) {
		m.sweep()
	}
	return excess, nil
}

// excess returns the names that exceed the limit of a list, those that expire first.
func (m *memoryLists) excess(list List, added string) []string {
	if list.Max == 0 || len(m.lists[list.Key]) <= list.Max {
		return nil
	}
	return list.Excess(m.live(list.Key), added)
}

// Listed implements [Lists].
func (m *memoryLists) Listed(_ context.Context, lists ...string) (names []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	expiries := make(map[string]time.Time)
	for _, list := range lists {
		for _, name := range m.live(list) {
			if until := m.lists[list][name]; until.After(expiries[name]) {
				expiries[name] = until
			}
		}
	}
	return lastFirst(expiries), nil
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
	if at := time.Now().Add(-ago); at.After(m.marks[key]) {
		m.marks[key] = at
	}
	if m.sweeps.wrote(1) {
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
		if at, ok := m.marks[key]; ok {
			ago = min(ago, time.Since(at))
		}
	}
	return ago, nil
}

// live returns the names on a list that have not expired, the latest first.
func (m *memoryLists) live(list string) []string {
	m.prune(list, time.Now())
	return lastFirst(m.lists[list])
}

// prune removes expired names.
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

// sweep removes expired names and marks that no caller asks for any more.
func (m *memoryLists) sweep() {
	now, left := time.Now(), len(m.marks)
	for list := range m.lists {
		m.prune(list, now)
		left += len(m.lists[list])
	}
	for key, at := range m.marks {
		if now.Sub(at) >= MarkTTL {
			delete(m.marks, key)
		}
	}
	m.sweeps.done(left)
}

// Listings returns the number of names on all lists and of marks, including expired ones that
// were not removed yet.
func (m *memoryLists) Listings() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.marks)
	for _, names := range m.lists {
		n += len(names)
	}
	return n
}
