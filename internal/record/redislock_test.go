package record_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// panicHook is an app's hook of the client that panics while it is enabled.
type panicHook struct {
	enabled atomic.Bool
	panics  atomic.Int32
}

func (h *panicHook) DialHook(next redis.DialHook) redis.DialHook {
	return next
}

func (h *panicHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if h.enabled.Load() {
			h.panics.Add(1)
			panic("in a hook of the app")
		}
		return next(ctx, cmd)
	}
}

func (h *panicHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// A goroutine of this package renews a lock, where a panic would end the process. A caller who fails
// to obtain the lock must not keep it from others.
func TestG23_PanicInAClientHookDoesNotLoseTheLock(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Patient()
	hook := new(panicHook)
	client.AddHook(hook)
	b := record.NewRedis(client, nil)
	release, err := b.Lock(t.Context(), tag(t))
	if err != nil {
		t.Fatal(err)
	}
	hook.enabled.Store(true)
	for deadline := time.Now().Add(30 * time.Second); hook.panics.Load() == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the lock was not renewed")
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

// brokenLink is a hook of a client that fails its commands for some time.
type brokenLink struct{ from, until time.Time }

var errBrokenLink = errors.New("the link is broken")

func (l *brokenLink) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l *brokenLink) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if now := time.Now(); now.After(l.from) && now.Before(l.until) {
			cmd.SetErr(errBrokenLink)
			return errBrokenLink
		}
		return next(ctx, cmd)
	}
}

func (l *brokenLink) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// A lock lives for five seconds without renewal. An outage that ends earlier must not cost the lock, or two
// processes would send the same refresh token, which may be accepted only once.
func TestG12_ALockSurvivesAnOutageThatIsShorterThanItsLife(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Patient()
	now := time.Now()
	client.AddHook(&brokenLink{now.Add(time.Second), now.Add(4200 * time.Millisecond)})
	release, err := record.NewRedis(client, nil).Lock(t.Context(), tag(t))
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
	defer cancel()
	if _, err := record.NewRedis(server.Patient(), nil).Lock(ctx, tag(t)); err == nil {
		t.Errorf("lost %v after it was obtained", time.Since(now))
	}
}
