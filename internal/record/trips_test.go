package record_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// gate is a hook that counts the round trips of a client's reads, and holds them until it is opened.
type gate struct {
	trips   atomic.Int32
	arrived chan struct{} // receives a value for each
	open    chan struct{} // closed to open the gate
	panics  atomic.Bool   // the next shared round trip panics
}

func (g *gate) pass() {
	g.trips.Add(1)
	select {
	case g.arrived <- struct{}{}:
	default:
	}
	<-g.open
}

func (*gate) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (g *gate) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "get" {
			g.pass()
		}
		return next(ctx, cmd)
	}
}

func (g *gate) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() == "get" { // not the commands that begin a connection
			g.pass()
			if g.panics.Swap(false) {
				panic("in a hook")
			}
		}
		return next(ctx, cmds)
	}
}

// newGate returns a backend whose reads wait for the gate, and the number of reads that make
// round trips of their own before further ones share.
func newGate(t *testing.T) (record.Backend, *gate, int) {
	t.Helper()
	return gateOn(redistest.Start(t).Patient())
}

func gateOn(client redis.UniversalClient) (record.Backend, *gate, int) {
	hook := &gate{arrived: make(chan struct{}, 1000), open: make(chan struct{})}
	client.AddHook(hook)
	return record.NewRedis(client, nil), hook, max(2, runtime.GOMAXPROCS(0))
}

// fill has as many callers read as may read without sharing.
func fill(wait *sync.WaitGroup, b record.Backend, hook *gate, alone int) {
	for range alone {
		wait.Go(func() { _, _ = b.Get(context.Background(), "held up") })
		<-hook.arrived
	}
}

func TestTrips_ConcurrentReadsShareRoundTrips(t *testing.T) {
	t.Parallel()
	b, hook, alone := newGate(t)
	ctx := t.Context()
	const callers = 300
	for i := range callers {
		if i%3 != 0 { // the others are absent
			steps{t, b}.set(fmt.Sprint("key", i), fmt.Sprint("value", i))
		}
	}
	var wait sync.WaitGroup
	fill(&wait, b, hook, alone)
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
	steps{t, b}.is("key1", "value1") // a single read still works
}

func TestTrips_CanceledCallersDoNotAffectOthers(t *testing.T) {
	t.Parallel()
	b, hook, alone := newGate(t)
	steps{t, b}.set("key", "value")
	var wait sync.WaitGroup
	fill(&wait, b, hook, alone)
	for i := range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if i%2 == 0 {
			cancel() // before it can have been sent
			if _, err := b.Get(ctx, "key"); !errors.Is(err, context.Canceled) {
				t.Errorf("a canceled caller got %v", err)
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

// A hook of the app's client runs outside of any request, where a panic would end the process.
func TestG23_PanicInAClientHookFailsOnlyItsTrip(t *testing.T) {
	t.Parallel()
	b, hook, alone := newGate(t)
	steps{t, b}.set("key", "value")
	hook.panics.Store(true)
	var wait sync.WaitGroup
	fill(&wait, b, hook, alone)
	var failed, served atomic.Int32
	started := make(chan struct{}, 50)
	for range 50 {
		wait.Go(func() {
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
	if failed.Load() == 0 || failed.Load()+served.Load() != 50 {
		t.Errorf("%d failed, %d served", failed.Load(), served.Load())
	}
	for range 2 * alone { // the failed round trip is not counted any more
		steps{t, b}.is("key", "value")
	}
}

// No caller waits for a stalled storage longer than one operation may take, even if it waits for the
// round trips of others (threat G3).
func TestG3_WaitingToShareATripHasATimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := redis.NewClient(&redis.Options{ReadTimeout: 250 * time.Millisecond, ContextTimeoutEnabled: true})
		defer func() { _ = client.Close() }()
		client.AddHook(stall{})
		b := record.NewGuarded(record.NewRedis(client, nil), nil, func(bool) {})
		for range 500 {
			go func() {
				began := time.Now()
				_, err := b.Get(t.Context(), "key")
				if waited := time.Since(began); err == nil || waited > 500*time.Millisecond {
					t.Errorf("waited for %v: %v", waited, err)
				}
			}()
			time.Sleep(2 * time.Millisecond)
		}
		time.Sleep(time.Second)
	})
}

// stall is a hook that holds all commands until their deadline.
type stall struct{}

func (stall) DialHook(next redis.DialHook) redis.DialHook { return next }

func (stall) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, _ redis.Cmder) error { return awaitDeadline(ctx) }
}

func (stall) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, _ []redis.Cmder) error { return awaitDeadline(ctx) }
}

func awaitDeadline(ctx context.Context) error {
	deadline, _ := ctx.Deadline()
	time.Sleep(time.Until(deadline))
	return context.DeadlineExceeded
}

// If a round trip is mostly spent on the network, waiting for one to end would double the time of a
// read.
func TestTrips_ReadsDoNotWaitForATripToADistantRedis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := redis.NewClient(&redis.Options{ReadTimeout: time.Second, ContextTimeoutEnabled: true, PoolSize: 40})
		defer func() { _ = client.Close() }()
		client.AddHook(&distantRedis{trip: 5 * time.Millisecond})
		b := record.NewRedis(client, nil)
		for range 200 { // to measure the latency
			if _, err := b.Get(t.Context(), "key"); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		var wait sync.WaitGroup
		for range 30 {
			wait.Go(func() {
				for range 20 {
					if _, err := b.Get(t.Context(), "key"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		if took := time.Since(began); took > 115*time.Millisecond { // 20 trips of 5 ms, and as often an eighth of that
			t.Errorf("20 reads in a row took %v", took)
		}
	})
}

// A round trip without a connection would wait for one, and fail after the pool's timeout.
func TestTrips_RoundTripsNeverExceedThePool(t *testing.T) {
	for _, size := range []int{1, 2, 10, 100} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := redis.NewClient(&redis.Options{ReadTimeout: time.Second, ContextTimeoutEnabled: true, PoolSize: size})
				defer func() { _ = client.Close() }()
				hook := &distantRedis{trip: 20 * time.Millisecond}
				client.AddHook(hook)
				b := record.NewRedis(client, nil)
				const callers, each = 400, 10
				var wait sync.WaitGroup
				for range callers {
					wait.Go(func() {
						for range each {
							if _, err := b.Get(context.Background(), "key"); err != nil {
								t.Error(err)
							}
						}
					})
				}
				wait.Wait()
				if most := int(hook.most.Load()); most > size || most < min(size, runtime.GOMAXPROCS(0)) {
					t.Errorf("%d round trips at once with %d connections", most, size)
				}
			})
		})
	}
}

// distantRedis is a hook that replaces a Redis with a latency and without keys. It counts concurrent
// round trips.
type distantRedis struct {
	trip          time.Duration
	current, most atomic.Int32
}

func (d *distantRedis) roundTrip() {
	now := d.current.Add(1)
	defer d.current.Add(-1)
	for most := d.most.Load(); now > most && !d.most.CompareAndSwap(most, now); most = d.most.Load() {
	}
	time.Sleep(d.trip)
}

func (*distantRedis) DialHook(next redis.DialHook) redis.DialHook { return next }

func (d *distantRedis) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error {
		d.roundTrip()
		cmd.SetErr(redis.Nil)
		return redis.Nil
	}
}

func (d *distantRedis) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error {
		d.roundTrip()
		for _, cmd := range cmds {
			cmd.SetErr(redis.Nil)
		}
		return redis.Nil
	}
}

// go-redis returns no error for the commands of a pipeline if it got no connection for them (trap
// R4).
func TestG2_UnsentReadsAreNotAbsent(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*redistest.Server, redis.UniversalClient){
		"the server is gone":   func(s *redistest.Server, _ redis.UniversalClient) { s.Stop() },
		"the client is closed": func(_ *redistest.Server, c redis.UniversalClient) { _ = c.Close() },
		"the server wants a password": func(s *redistest.Server, _ redis.UniversalClient) {
			_ = s.Client().ConfigSet(context.Background(), "requirepass", "x").Err()
			_ = s.Client().Do(context.Background(), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Err()
		},
		"a hook stops them": func(_ *redistest.Server, c redis.UniversalClient) { c.AddHook(silentStop{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			client := server.Patient()
			b, hook, alone := gateOn(client)
			var wait sync.WaitGroup
			fill(&wait, b, hook, alone)
			started := make(chan struct{}, 50)
			for range 50 {
				wait.Go(func() {
					started <- struct{}{}
					if got, err := b.Get(t.Context(), "key"); err == nil {
						t.Errorf("got %q", got)
					}
				})
			}
			for range 50 {
				<-started
			}
			fail(server, client)
			close(hook.open)
			wait.Wait()
		})
	}
}

// silentStop is a hook that sends no command, and sets no command's error.
type silentStop struct{}

var errStopped = errors.New("stopped")

func (silentStop) DialHook(next redis.DialHook) redis.DialHook { return next }

func (silentStop) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(context.Context, redis.Cmder) error { return errStopped }
}

func (silentStop) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(context.Context, []redis.Cmder) error { return errStopped }
}
