package record

import (
	"context"
	"sync"
)

// locks contains named locks in this process. A caller stops waiting when its context ends.
type locks struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed on release
}

func newLocks() *locks { return &locks{held: make(map[string]chan struct{})} }

// Lock waits until no other caller holds the name.
func (l *locks) Lock(ctx context.Context, name string) (release func(), err error) {
	for {
		l.mu.Lock()
		released, taken := l.held[name]
		if !taken {
			mine := make(chan struct{})
			l.held[name] = mine
			l.mu.Unlock()
			return sync.OnceFunc(func() { l.release(name, mine) }), nil
		}
		l.mu.Unlock()
		select {
		case <-released:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (l *locks) release(name string, mine chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, name)
	close(mine)
}
