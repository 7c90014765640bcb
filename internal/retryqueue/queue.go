// Package retryqueue keeps work that failed because the storage or Entra failed, and retries it in the
// background until it succeeds or the group of background work closes.
package retryqueue

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fibermsal/fibermsal/internal/background"
)

// Options configure a Queue.
type Options struct {
	// What is the name of the work in the log.
	What string
	// Max is the maximum number of items.
	Max int
	// First is the pause before the first round. The pauses double up to Most.
	First, Most time.Duration
	// Round tries the keys once and removes those that succeeded. It stops when more attempts
	// would be pointless, or when the Group's context has ended.
	Round func(keys []string)
	// Abandon is called if the Group closes while items are left.
	Abandon func(left int)
}

// Queue holds items by key. It is safe for concurrent use.
type Queue[T any] struct {
	group   *background.Group
	options Options

	count   atomic.Int32 // lets readers skip the lock while the queue is empty
	mu      sync.Mutex
	items   map[string]T
	running bool // whether the background work is running
}

// New returns an empty Queue whose work runs in a group.
func New[T any](group *background.Group, o Options) *Queue[T] {
	return &Queue[T]{group: group, options: o, items: make(map[string]T)}
}

// Get returns the item of a key.
func (q *Queue[T]) Get(key string) (item T, ok bool) {
	if q.count.Load() == 0 {
		return item, false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	item, ok = q.items[key]
	return item, ok
}

// Has reports whether there is an item of a key.
func (q *Queue[T]) Has(key string) bool {
	_, ok := q.Get(key)
	return ok
}

// Put adds or replaces an item and starts the background work. It returns false if the queue is
// full.
func (q *Queue[T]) Put(key string, item T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, present := q.items[key]; !present && len(q.items) >= q.options.Max {
		return false
	}
	q.items[strings.Clone(key)] = item // the key may alias a request's buffer (trap T10)
	q.count.Store(int32(len(q.items))) //nolint:gosec // bounded
	if !q.running {
		q.running = true
		q.group.Go(q.options.What, q.work)
	}
	return true
}

// Change replaces an item by the result of change, if the item is present. If change fails, the
// item is unchanged.
func (q *Queue[T]) Change(key string, change func(T) (T, error)) error {
	if q.count.Load() == 0 {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	item, present := q.items[key]
	if !present {
		return nil
	}
	item, err := change(item)
	if err == nil {
		q.items[key] = item
	}
	return err
}

// Remove removes an item.
func (q *Queue[T]) Remove(key string) { q.RemoveIf(key, func(T) bool { return true }) }

// RemoveIf removes an item if a condition holds for it.
func (q *Queue[T]) RemoveIf(key string, condition func(T) bool) {
	if q.count.Load() == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if item, present := q.items[key]; present && condition(item) {
		delete(q.items, key)
		q.count.Store(int32(len(q.items))) //nolint:gosec // bounded
	}
}

// work runs rounds until no item is left. When the group closes, it runs one last round.
func (q *Queue[T]) work() {
	last := false
	for pause := q.options.First; ; pause = min(2*pause, q.options.Most) {
		keys := q.keys()
		if len(keys) == 0 {
			return
		}
		if last {
			q.options.Abandon(len(keys))
			return
		}
		select {
		case <-time.After(pause):
		case <-q.group.Closing():
			last = true
		}
		q.group.Survive(q.options.What, func() { q.options.Round(keys) })
	}
}

// keys returns the keys of the items. If there are none, the work ends.
func (q *Queue[T]) keys() (keys []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for key := range q.items {
		keys = append(keys, key)
	}
	q.running = len(keys) > 0
	return keys
}
