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
	return turnstileAt(redistest.Start(t).Patient())
}

func turnstileAt(client redis.UniversalClient) (record.Backend, *turnstile, int) {
	hook := &turnstile{arrived: make(chan struct{}, 1000), open: make(chan struct{})}
	client.AddHook(hook)
	return record.NewRedis(client, nil), hook, max(2, runtime.GOMAXPROCS(0))
}

// hold has so many callers read that nobody else can go alone.
func hold(wait *sync.WaitGroup, b record.Backend, hook *turnstile, alone int) {
	for range alone {
		wait.Go(func() { _, _ = b.Get(context.Background(), "held up") })
		<-hook.arrived
	}
}

func TestTrips_ManyAtOnceShareRoundTripsAndGetTheirOwn(t *testing.T) {
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
	hold(&wait, b, hook, alone)
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

func TestTrips_WhoGivesUpLeavesTheOthersTheirTurn(t *testing.T) {
	t.Parallel()
	b, hook, alone := newTurnstile(t)
	steps{t, b}.set("key", "value")
	var wait sync.WaitGroup
	hold(&wait, b, hook, alone)
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

// An app's hook runs in nobody's request, so that a panic must not end the process.
func TestG23_APanicInAHookOfTheClientFailsWhoSharedTheTrip(t *testing.T) {
	t.Parallel()
	b, hook, alone := newTurnstile(t)
	steps{t, b}.set("key", "value")
	hook.wreck.Store(true)
	var wait sync.WaitGroup
	hold(&wait, b, hook, alone)
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
	for range 2 * alone { // no place is lost
		steps{t, b}.is("key", "value")
	}
}

// A storage that stalls holds nobody for longer than one operation may take, not even who
// had to wait for others that it held (threat G3).
func TestG3_WhoWaitsToShareATripWaitsNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := redis.NewClient(&redis.Options{ReadTimeout: 250 * time.Millisecond, ContextTimeoutEnabled: true})
		defer func() { _ = client.Close() }()
		client.AddHook(swamp{})
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

// swamp is a hook that holds everything until its deadline.
type swamp struct{}

func (swamp) DialHook(next redis.DialHook) redis.DialHook { return next }

func (swamp) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, _ redis.Cmder) error { return sink(ctx) }
}

func (swamp) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, _ []redis.Cmder) error { return sink(ctx) }
}

func sink(ctx context.Context) error {
	deadline, _ := ctx.Deadline()
	time.Sleep(time.Until(deadline))
	return context.DeadlineExceeded
}

// Where a round trip is mostly the network's, waiting for one to return would double the
// time of a read.
func TestTrips_NobodyWaitsForATripToARedisThatIsFarAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := redis.NewClient(&redis.Options{ReadTimeout: time.Second, ContextTimeoutEnabled: true, PoolSize: 40})
		defer func() { _ = client.Close() }()
		client.AddHook(&faraway{trip: 5 * time.Millisecond})
		b := record.NewRedis(client, nil)
		for range 200 { // it takes some to know how far
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

// A flight without a connection would wait for one until it is refused.
func TestTrips_RoundTripsNeverExceedThePool(t *testing.T) {
	for _, size := range []int{1, 2, 10, 100} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := redis.NewClient(&redis.Options{ReadTimeout: time.Second, ContextTimeoutEnabled: true, PoolSize: size})
				defer func() { _ = client.Close() }()
				hook := &faraway{trip: 20 * time.Millisecond}
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

// faraway is a hook in place of a Redis that takes its time and has nothing. It counts the
// round trips that are under way at once.
type faraway struct {
	trip          time.Duration
	current, most atomic.Int32
}

func (f *faraway) travel() {
	now := f.current.Add(1)
	defer f.current.Add(-1)
	for most := f.most.Load(); now > most && !f.most.CompareAndSwap(most, now); most = f.most.Load() {
	}
	time.Sleep(f.trip)
}

func (*faraway) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f *faraway) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error {
		f.travel()
		cmd.SetErr(redis.Nil)
		return redis.Nil
	}
}

func (f *faraway) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error {
		f.travel()
		for _, cmd := range cmds {
			cmd.SetErr(redis.Nil)
		}
		return redis.Nil
	}
}

// go-redis gives the commands of a pipeline no error of their own where it got no
// connection for them.
func TestG2_ReadsThatCouldNotBeSentTogetherAreNotAbsent(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*redistest.Server, redis.UniversalClient){
		"the server is gone":   func(s *redistest.Server, _ redis.UniversalClient) { s.Stop() },
		"the client is closed": func(_ *redistest.Server, c redis.UniversalClient) { _ = c.Close() },
		"the server wants a password": func(s *redistest.Server, _ redis.UniversalClient) {
			_ = s.Client().ConfigSet(context.Background(), "requirepass", "x").Err()
			_ = s.Client().Do(context.Background(), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Err()
		},
		"a hook keeps them back": func(_ *redistest.Server, c redis.UniversalClient) { c.AddHook(barrier{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			client := server.Patient()
			b, hook, alone := turnstileAt(client)
			var wait sync.WaitGroup
			hold(&wait, b, hook, alone)
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

// barrier is a hook that lets nothing through, and leaves it at that.
type barrier struct{}

var errKeptBack = errors.New("kept back")

func (barrier) DialHook(next redis.DialHook) redis.DialHook { return next }

func (barrier) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(context.Context, redis.Cmder) error { return errKeptBack }
}

func (barrier) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(context.Context, []redis.Cmder) error { return errKeptBack }
}
