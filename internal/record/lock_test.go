package record_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// panicky is an app's hook of the client that panics while it is told to.
type panicky struct {
	now  atomic.Bool
	seen atomic.Int32
}

func (h *panicky) DialHook(next redis.DialHook) redis.DialHook {
	return next
}

func (h *panicky) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if h.now.Load() {
			h.seen.Add(1)
			panic("a hook of the app's")
		}
		return next(ctx, cmd)
	}
}

func (h *panicky) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// A lock is prolonged by a goroutine of the library's own, where a panic ends the process,
// and who asks for it in vain must not keep it from others.
func TestG23_APanicInAHookOfTheClientCostsNoLock(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Patient()
	hook := new(panicky)
	client.AddHook(hook)
	b := record.NewRedis(client, nil)
	release, err := b.Lock(t.Context(), tag(t))
	if err != nil {
		t.Fatal(err)
	}
	hook.now.Store(true)
	for deadline := time.Now().Add(30 * time.Second); hook.seen.Load() == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the lock was not prolonged")
		}
	}
	release()
	for range 2 { // in this process only, while the hook panics
		again, err := b.Lock(t.Context(), tag(t))
		if err != nil {
			t.Fatal(err)
		}
		again()
	}
}
