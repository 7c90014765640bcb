package record_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// masters is a storage on several servers, some of which are dead.
type masters struct {
	*record.Memory
	addrs   map[string]string // by key
	lost    bool              // Locate fails
	dead    map[string]bool   // by address
	located int
}

var errDead = errors.New("dead")

func (m *masters) Locate() func(context.Context, string) (string, error) {
	return func(_ context.Context, key string) (string, error) {
		m.located++
		if m.lost {
			return "", errDead
		}
		return m.addrs[key], nil
	}
}

func (m *masters) Get(ctx context.Context, key string) ([]byte, error) {
	if m.dead[m.addrs[key]] {
		return nil, errDead
	}
	return m.Memory.Get(ctx, key)
}

func TestGuarded_FailedMasterAffectsOnlyItsKeys(t *testing.T) {
	for name, repair := range map[string]func(*masters){
		"it comes back": func(m *masters) { m.dead["one"] = false },
		"a failover":    func(m *masters) { m.addrs["a"] = "three" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &masters{
					Memory: record.NewMemory(),
					addrs:  map[string]string{"a": "one", "b": "two"}, dead: map[string]bool{"one": true},
				}
				var reported []bool
				g := record.NewGuarded(m, nil, func(down bool) { reported = append(reported, down) })
				for i := range 20 {
					want := errDead
					if i >= 5 {
						want = record.ErrDown
					}
					if _, err := g.Get(t.Context(), "a"); !errors.Is(err, want) {
						t.Errorf("the dead server after %d attempts: %v", i, err)
					}
				}
				if _, err := g.Get(t.Context(), "b"); err != nil {
					t.Errorf("the other server: %v", err)
				}
				repair(m)
				time.Sleep(time.Second)
				for _, key := range []string{"b", "a", "b"} {
					if _, err := g.Get(t.Context(), key); err != nil {
						t.Errorf("%s afterwards: %v", key, err)
					}
				}
				if !slices.Equal(reported, []bool{true, false}) {
					t.Errorf("reported: %v", reported)
				}
			})
		})
	}
}

func TestGuarded_KeysCannotBeLocated(t *testing.T) {
	t.Parallel()
	m := &masters{Memory: record.NewMemory(), lost: true}
	var reported []bool
	g := record.NewGuarded(m, nil, func(down bool) { reported = append(reported, down) })
	for range 20 {
		if _, err := g.Get(t.Context(), "a"); err == nil {
			t.Error("no error")
		}
	}
	if m.located != 5 || !slices.Equal(reported, []bool{true}) {
		t.Errorf("located %d times, reported %v", m.located, reported)
	}
}

func TestGuarded_RefusalIsNotAnOutage(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ctx := t.Context()
	err := errors.Join(
		server.Client().ACLSetUser(ctx, "reader", "on", ">secret", "~*", "+get", "+eval", "+evalsha").Err(),
		server.Client().Set(ctx, "a", "1", time.Minute).Err())
	if err != nil {
		t.Fatal(err)
	}
	reported := false
	g := record.NewGuarded(record.NewRedis(server.ConnectAs("reader", "secret"), nil), nil, func(bool) { reported = true })
	for range 10 {
		if err := g.Set(ctx, "a", []byte("2"), time.Minute); err == nil || errors.Is(err, record.ErrDown) {
			t.Errorf("set: %v", err)
		}
	}
	for range 10 {
		if ok, err := g.Swap(ctx, "a", []byte("1"), []byte("2"), time.Minute); err == nil || errors.Is(err, record.ErrDown) {
			t.Errorf("swapped: %v, %v", ok, err)
		}
	}
	if v, err := g.Get(ctx, "a"); string(v) != "1" || reported {
		t.Errorf("%q, %v, reported down: %v", v, err, reported)
	}
}

// slow is a storage that replies after a time, or when its caller's context ends.
type slow struct {
	*record.Memory
	delay time.Duration
}

func (s *slow) TimeLimit() time.Duration { return 500 * time.Millisecond }

func (s *slow) Get(ctx context.Context, key string) ([]byte, error) {
	select {
	case <-time.After(s.delay):
		return s.Memory.Get(ctx, key)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Any number of callers whose contexts end do not open the breaker.
func TestGuarded_CanceledCallersDoNotOpenTheBreaker(t *testing.T) {
	for name, limited := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"their deadline has passed": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithDeadline(ctx, time.Now().Add(-time.Second))
		},
		"their deadline passes": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 10*time.Millisecond)
		},
		"they cancel": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(10*time.Millisecond, cancel)
			return ctx, cancel
		},
		"they cancel with a cause": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(10*time.Millisecond, func() { cancel(errDead) })
			return ctx, func() { cancel(nil) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &slow{Memory: record.NewMemory(), delay: 100 * time.Millisecond}
				g := record.NewGuarded(s, nil, func(down bool) { t.Errorf("down: %t", down) })
				for range 50 {
					ctx, cancel := limited(t.Context())
					if _, err := g.Get(ctx, "a"); err == nil || errors.Is(err, record.ErrDown) {
						t.Errorf("the caller who gave up got %v", err)
					}
					cancel()
				}
				if _, err := g.Get(t.Context(), "a"); err != nil {
					t.Errorf("another caller: %v", err)
				}
			})
		})
	}
}

// busy is a storage whose client has no free connection.
type busy struct {
	*record.Memory
	err error
}

func (b busy) Set(context.Context, string, []byte, time.Duration) error { return b.err }

func TestGuarded_ExhaustedPoolIsNotAnOutage(t *testing.T) {
	t.Parallel()
	for _, full := range []error{redis.ErrPoolTimeout, redis.ErrPoolExhausted} {
		g := record.NewGuarded(busy{record.NewMemory(), full}, nil, func(down bool) { t.Errorf("down: %t", down) })
		for range 20 {
			if err := g.Set(t.Context(), "a", nil, time.Minute); !errors.Is(err, full) {
				t.Errorf("without a connection: %v", err)
			}
		}
		if _, err := g.Get(t.Context(), "a"); err != nil {
			t.Errorf("another caller: %v", err)
		}
	}
}

// An operation that exceeds the time limit is a failure of the storage, even if the caller has set
// a later deadline.
func TestGuarded_StalledStorageIsDownDespiteLaterDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{Memory: record.NewMemory(), delay: time.Hour}
		g := record.NewGuarded(s, nil, func(bool) {})
		for i := range 6 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			want := context.DeadlineExceeded
			if i == 5 {
				want = record.ErrDown
			}
			if _, err := g.Get(ctx, "a"); !errors.Is(err, want) {
				t.Errorf("after %d failures: %v", i, err)
			}
			cancel()
		}
	})
}

// If a caller gives up while it probes whether the storage is back, the next caller probes.
func TestGuarded_NextCallerRepeatsACanceledProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{Memory: record.NewMemory(), delay: time.Hour}
		g := record.NewGuarded(s, nil, func(bool) {})
		for range 6 {
			_, _ = g.Get(t.Context(), "a")
		}
		s.delay = 100 * time.Millisecond
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := g.Get(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the probe: %v", err)
		}
		if _, err := g.Get(t.Context(), "a"); err != nil {
			t.Errorf("the next caller: %v", err)
		}
	})
}

// reply is an error reply of Redis.
type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

// errorReplies is a hook that replaces Redis and replies to all commands with an error.
type errorReplies struct{ text string }

func (errorReplies) DialHook(next redis.DialHook) redis.DialHook { return next }

func (r errorReplies) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error {
		cmd.SetErr(reply(r.text))
		return cmd.Err()
	}
}

func (r errorReplies) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			cmd.SetErr(reply(r.text))
		}
		return cmds[0].Err()
	}
}

func TestGuarded_ServerThatRepliesIsUp(t *testing.T) {
	t.Parallel()
	for text, down := range map[string]bool{
		"NOREPLICAS Not enough good replicas to write.":                                    false,
		"MISCONF Redis is configured to save RDB snapshots":                                false,
		"READONLY You can't write against a read only replica.":                            false,
		"TRYAGAIN Multiple keys request during rehashing of slot":                          false,
		"WRONGTYPE Operation against a key holding the wrong kind of value":                false,
		"OOM command not allowed when used memory > 'maxmemory'.":                          false,
		"NOPERM this user has no permissions":                                              false,
		"NOAUTH Authentication required.":                                                  false,
		"BUSY Redis is busy running a script.":                                             false,
		"EXECABORT Transaction discarded":                                                  false,
		"ERR unknown command 'zunion'":                                                     false,
		"ERR max number of clients reached":                                                false,
		"ERR The user executing the script can't run this command or subcommand":           false,
		"CLUSTERDOWN Hash slot not served":                                                 false,
		"CLUSTERDOWN The cluster is down and only accepts read commands":                   false,
		"CLUSTERDOWN The cluster is down":                                                  true,
		"LOADING Redis is loading the dataset in memory":                                   true,
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": true,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			client := redis.NewClient(&redis.Options{})
			t.Cleanup(func() { _ = client.Close() })
			client.AddHook(errorReplies{text})
			wentDown := false
			g := record.NewGuarded(record.NewRedis(client, nil), nil, func(bool) { wentDown = true })
			ctx := t.Context()
			for range 3 {
				_, errGet := g.Get(ctx, "a")
				_, errSwap := g.Swap(ctx, "a", nil, nil, time.Minute)
				err := errors.Join(g.Set(ctx, "a", nil, time.Minute), g.Touch(ctx, time.Minute, "a", "b"), g.Delete(ctx, "a", "b"))
				if errGet == nil || errSwap == nil || err == nil {
					t.Error("no error")
				}
			}
			if wentDown != down {
				t.Errorf("reported down: %t", wentDown)
			}
		})
	}
}
