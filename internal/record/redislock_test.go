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

// intercept is a hook of a client that is called before each command, which is not sent if it fails.
type intercept func() error

func (intercept) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f intercept) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := f(); err != nil {
			cmd.SetErr(err)
			return err
		}
		return next(ctx, cmd)
	}
}

func (intercept) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// A goroutine of this package renews a lock, where a panic would end the process. A caller who fails
// to obtain the lock must not keep it from others.
func TestG23_PanicInAClientHookDoesNotLoseTheLock(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Patient()
	var enabled atomic.Bool
	var panics atomic.Int32
	client.AddHook(intercept(func() error {
		if enabled.Load() {
			panics.Add(1)
			panic("in a hook of the app")
		}
		return nil
	}))
	b := record.NewRedis(client, nil)
	release, err := b.Lock(t.Context(), tag(t))
	if err != nil {
		t.Fatal(err)
	}
	enabled.Store(true)
	for deadline := time.Now().Add(30 * time.Second); panics.Load() == 0; time.Sleep(10 * time.Millisecond) {
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

// A lock lives for five seconds without renewal. An outage that ends earlier must not cost the lock, or two
// processes would send the same refresh token, which may be accepted only once.
func TestG12_ALockSurvivesAnOutageThatIsShorterThanItsLife(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Patient()
	now := time.Now()
	client.AddHook(intercept(func() error {
		if age := time.Since(now); age > time.Second && age < 4200*time.Millisecond {
			return errors.New("the link is broken")
		}
		return nil
	}))
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
