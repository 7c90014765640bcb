package record_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// turnstile counts the round trips of a client's reads, and holds them up.
type turnstile struct {
	trips   atomic.Int32
	arrived chan struct{} // told of each
	open    chan struct{} // closed to let all through
	wreck   atomic.Bool   // panics in the next of several
}

func (s *turnstile) pass() {
	s.trips.Add(1)
	select {
	case s.arrived <- struct{}{}:
	default:
	}
	<-s.open
}

func (*turnstile) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (s *turnstile) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "get" {
			s.pass()
		}
		return next(ctx, cmd)
	}
}

func (s *turnstile) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() == "get" { // and not what a connection begins with
			s.pass()
			if s.wreck.Swap(false) {
				panic("wrecked")
			}
		}
		return next(ctx, cmds)
	}
}

// newTurnstile gives a backend whose reads are held up, and the number of callers that it
// takes for all later ones to wait for each other.
func newTurnstile(t *testing.T) (record.Backend, *turnstile, int) {
	t.Helper()
	client := redistest.Start(t).Patient()
	hook := &turnstile{arrived: make(chan struct{}, 1000), open: make(chan struct{})}
	client.AddHook(hook)
	return record.NewRedis(client, nil), hook, runtime.GOMAXPROCS(0)
}

// hold has so many callers read that nobody else can go alone.
func hold(ctx context.Context, wait *sync.WaitGroup, b record.Backend, hook *turnstile, alone int) {
	for range alone {
		wait.Go(func() { _, _ = b.Get(ctx, "held up") })
		<-hook.arrived
	}
}

func TestReads_ManyAtOnceShareRoundTripsAndGetTheirOwn(t *testing.T) {
	t.Parallel()
	b, hook, alone := newTurnstile(t)
	ctx := t.Context()
	const callers = 300
	for i := range callers {
		if i%3 != 0 { // the others are absent
			steps{t, b}.set(fmt.Sprint("key", i), fmt.Sprint("value", i))
		}
	}
	var wait sync.WaitGroup
	hold(ctx, &wait, b, hook, alone)
	started := make(chan struct{}, callers)
	for i := range callers {
		wait.Go(func() {
			started <- struct{}{}
			got, err := b.Get(ctx, fmt.Sprint("key", i))
			want := fmt.Sprint("value", i)
			if i%3 == 0 {
				want = ""
			}
			if err != nil || string(got) != want || (want == "") != (got == nil) {
				t.Errorf("key%d: %q, %v", i, got, err)
			}
		})
	}
	for range callers {
		<-started
	}
	close(hook.open)
	wait.Wait()
	if trips := int(hook.trips.Load()); trips >= callers/2 {
		t.Errorf("%d round trips for %d reads", trips, callers)
	}
	steps{t, b}.is("key1", "value1") // and one by itself still goes
}

func TestReads_WhoGivesUpLeavesTheOthersTheirTurn(t *testing.T) {
	t.Parallel()
	b, hook, alone := newTurnstile(t)
	steps{t, b}.set("key", "value")
	var wait sync.WaitGroup
	hold(t.Context(), &wait, b, hook, alone)
	for i := range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if i%2 == 0 {
			cancel() // before its turn can have come
			if _, err := b.Get(ctx, "key"); !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up got %v", err)
			}
			continue
		}
		wait.Go(func() {
			if got, err := b.Get(ctx, "key"); string(got) != "value" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	close(hook.open)
	wait.Wait()
}

func TestReads_OutageIsNotTakenForAbsence(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Connect()
	hook := &turnstile{arrived: make(chan struct{}, 1000), open: make(chan struct{})}
	client.AddHook(hook)
	b := record.NewRedis(client, nil)
	steps{t, b}.set("key", "value")
	var wait sync.WaitGroup
	hold(t.Context(), &wait, b, hook, runtime.GOMAXPROCS(0))
	started := make(chan struct{}, 100)
	for range 100 {
		wait.Go(func() {
			started <- struct{}{}
			if got, err := b.Get(t.Context(), "key"); err == nil {
				t.Errorf("%q without an error", got)
			}
		})
	}
	for range 100 {
		<-started
	}
	server.Stop()
	close(hook.open)
	wait.Wait()
}

func TestReads_APanicInAHookOfTheClientStopsNobodyElse(t *testing.T) {
	t.Parallel()
	b, hook, alone := newTurnstile(t)
	steps{t, b}.set("key", "value")
	hook.wreck.Store(true)
	var wait sync.WaitGroup
	hold(t.Context(), &wait, b, hook, alone)
	var panicked, failed, served atomic.Int32
	started := make(chan struct{}, 50)
	for range 50 {
		wait.Go(func() {
			defer func() {
				if recover() != nil {
					panicked.Add(1)
				}
			}()
			started <- struct{}{}
			switch got, err := b.Get(t.Context(), "key"); {
			case err != nil:
				failed.Add(1)
			case string(got) == "value":
				served.Add(1)
			}
		})
	}
	for range 50 {
		<-started
	}
	close(hook.open)
	wait.Wait()
	if panicked.Load() > 1 || panicked.Load()+failed.Load()+served.Load() != 50 {
		t.Errorf("%d panicked, %d failed, %d served", panicked.Load(), failed.Load(), served.Load())
	}
	for range 2 * alone { // no place is lost
		steps{t, b}.is("key", "value")
	}
}
