package fibermsal

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxTombstones bounds how many endings wait for the storage.
	maxTombstones = 100_000
	// buryEvery is how often the storage is tried.
	buryEvery = time.Second
)

// tombstones are the sessions that ended while the storage failed. To this process
// they are over at once; their records are removed when the storage is back (threat
// D10). It is safe for concurrent use.
type tombstones struct {
	count  atomic.Int32 // spares requests the lock
	mu     sync.Mutex
	names  map[string]struct{}
	digger bool // is at work
}

// has reports whether a session has ended.
func (t *tombstones) has(name string) bool {
	if t.count.Load() == 0 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ended := t.names[name]
	return ended
}

// add reports whether the session will be removed, and whether the caller has to
// begin the work.
func (t *tombstones) add(name string) (added, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.names) >= maxTombstones {
		return false, false
	}
	if t.names == nil {
		t.names = make(map[string]struct{})
	}
	t.names[strings.Clone(name)] = struct{}{} // an administrator's request may name it
	t.count.Store(int32(len(t.names)))        //nolint:gosec // bounded
	first, t.digger = !t.digger, true
	return true, first
}

// waiting lists what is to be removed. With nothing left the work is over.
func (t *tombstones) waiting() (names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name := range t.names {
		names = append(names, name)
	}
	t.digger = len(names) > 0
	return names
}

func (t *tombstones) remove(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.names, name)
	t.count.Store(int32(len(t.names))) //nolint:gosec // bounded
}

// end ends a session. If the storage fails, so does it, but what is left of the
// session is removed later, and nobody is signed in with it here meanwhile.
func (a *Auth) end(ctx context.Context, name string) error {
	err := a.discard(ctx, name)
	if err == nil {
		return nil
	}
	added, first := a.ended.add(name)
	switch {
	case !added:
		a.log.LogAttrs(ctx, slog.LevelError, "an ended session stays in the storage until its idle timeout: too many wait already")
	case first:
		a.background("removing ended sessions", a.bury) //nolint:contextcheck // it outlives the request
	}
	return err
}

// bury removes the ended sessions, until none is left or the Auth is closed.
func (a *Auth) bury() {
	for last := false; ; {
		names := a.ended.waiting()
		if len(names) == 0 {
			return
		}
		if last {
			a.log.LogAttrs(context.Background(), slog.LevelError,
				"closed while ended sessions were still in the storage: they end with their idle timeout", slog.Int("sessions", len(names)))
			return
		}
		select {
		case <-time.After(buryEvery):
		case <-a.closed:
			last = true
		}
		a.survive("removing ended sessions", func() { a.buryAll(names) })
	}
}

// buryAll stops at the first failure: the storage is not back. It ends before Close does.
func (a *Auth) buryAll(names []string) {
	for _, name := range names {
		if a.work.Err() != nil {
			return
		}
		ctx, cancel := context.WithTimeout(a.work, time.Second)
		err := a.discard(ctx, name)
		cancel()
		if err != nil {
			return
		}
		a.ended.remove(name)
	}
	a.log.LogAttrs(context.Background(), slog.LevelInfo, "sessions that ended during the outage were removed", slog.Int("sessions", len(names)))
}
