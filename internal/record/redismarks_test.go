package record_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// interval is the time in which something happened.
type interval struct{ begin, end time.Time }

// timed runs a function and returns the time that it took, as an interval.
func timed(t *testing.T, f func() error) interval {
	t.Helper()
	begin := time.Now()
	if err := f(); err != nil {
		t.Fatal(err)
	}
	return interval{begin, time.Now()}
}

// checkAge reads a mark that was put in an interval. It must not seem older than it is, or a
// sign-in that began before it would begin a session, and not younger by more than a tolerance.
func checkAge(t *testing.T, b record.Backend, key string, put interval, tolerance time.Duration) {
	t.Helper()
	var age time.Duration
	read := timed(t, func() (err error) {
		age, err = b.Marked(t.Context(), key, key+" absent")
		return err
	})
	if oldest := read.end.Sub(put.begin); age > oldest {
		t.Errorf("a mark is %v old at most, and seems %v old", oldest, age)
	}
	youngest := read.begin.Sub(put.end)
	if least := youngest - youngest/500 - tolerance; age < least {
		t.Errorf("a mark is %v old at least, and seems %v old", youngest, age)
	}
}

// ofTime is the tolerance of a mark with a time in microseconds, and ofTTL that of one whose age
// follows from its TTL.
const (
	ofTime = 3 * time.Microsecond
	ofTTL  = 5 * time.Millisecond
)

func TestD12_AgeOfAMarkIsPrecise(t *testing.T) {
	for name, start := range each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, two := start(t)
			for _, pause := range []time.Duration{0, 0, 100 * time.Microsecond, 1500 * time.Microsecond, 20 * time.Millisecond} {
				put := timed(t, func() error { return one.Mark(t.Context(), tag(t), 0) })
				time.Sleep(pause)
				checkAge(t, two, tag(t), put, ofTime)
			}
			earlier := timed(t, func() error { return one.Mark(t.Context(), tag(t)+"earlier", time.Minute) })
			put := interval{earlier.begin.Add(-time.Minute), earlier.end.Add(-time.Minute)}
			checkAge(t, two, tag(t)+"earlier", put, ofTime)
			later := timed(t, func() error { return two.Mark(t.Context(), tag(t)+"earlier", 10*time.Second) })
			put = interval{later.begin.Add(-10 * time.Second), later.end.Add(-10 * time.Second)}
			checkAge(t, one, tag(t)+"earlier", put, ofTime)
			if err := one.Mark(t.Context(), tag(t)+"earlier", time.Minute); err != nil { // changes nothing
				t.Fatal(err)
			}
			checkAge(t, two, tag(t)+"earlier", put, ofTime)
		})
	}
}

// A sign-in that began before a mark is refused, however short before.
func TestD12_SignInsThatBeganJustBeforeAMarkAreRefused(t *testing.T) {
	for name, start := range each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, other := start(t)
			s, there := newStore(t, b, 1), newStore(t, other, 1)
			label := record.NewLabel("user", "t", "o")
			for range 200 {
				c := creation(0, label)
				if err := there.Mark(t.Context(), label, 0); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Create(t.Context(), "n", c); !errors.Is(err, record.ErrEnded) {
					t.Fatalf("a sign-in that began before: %v", err)
				}
			}
		})
	}
}

// A sign-in that begins after the sessions were marked and listed, as EndSessions does, begins a
// session. A busy machine may delay the replies by more than the time between the two.
func TestD12_SignInsThatBeginJustAfterAMarkAreNotRefused(t *testing.T) {
	for name, start := range each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, other := start(t)
			s, there := newStore(t, b, 1), newStore(t, other, 1)
			label := record.NewLabel("user", "t", "o")
			rejected := 0
			for range 200 {
				if err := there.Mark(t.Context(), label, 0); err != nil {
					t.Fatal(err)
				}
				if _, err := there.Listed(t.Context(), label); err != nil {
					t.Fatal(err)
				}
				switch _, err := s.Create(t.Context(), "n", creation(0, label)); {
				case errors.Is(err, record.ErrEnded):
					rejected++
				case err != nil:
					t.Fatal(err)
				}
			}
			t.Logf("%d of 200 refused", rejected)
			if rejected > 50 {
				t.Errorf("%d of 200 refused", rejected)
			}
		})
	}
}

// markBefore is the script of the version before marks had times.
var markBefore = redis.NewScript(`
local left = redis.call("PTTL", KEYS[1])
if left < tonumber(ARGV[1]) or left > tonumber(ARGV[2]) then redis.call("SET", KEYS[1], "1", "PX", ARGV[1]) end
return 1`)

// ageBefore is the age of a mark for that version.
func ageBefore(t *testing.T, client redis.UniversalClient, key string) time.Duration {
	t.Helper()
	left, err := client.PTTL(t.Context(), key).Result()
	if err != nil || left <= 0 || left > record.MarkTTL {
		t.Fatalf("not a mark for the previous version: %v, %v", left, err)
	}
	return max(0, record.MarkTTL-left-2*time.Millisecond)
}

// While a new version is deployed, instances of both understand the marks of each other.
func TestD12_MarksOfThePreviousVersion(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := start(t).Patient()
			b := record.NewRedis(client, nil)
			putBefore := func(key string, ago time.Duration) interval {
				t.Helper()
				put := timed(t, func() error {
					return markBefore.Run(t.Context(), client, []string{key}, (record.MarkTTL - ago).Milliseconds(), record.MarkTTL.Milliseconds()).Err()
				})
				return interval{put.begin.Add(-ago), put.end.Add(-ago)}
			}
			put := func(key string, ago time.Duration) interval {
				t.Helper()
				put := timed(t, func() error { return b.Mark(t.Context(), key, ago) })
				return interval{put.begin.Add(-ago), put.end.Add(-ago)}
			}
			for name, row := range map[string]struct {
				marks   func(key string) interval // returns the latest
				precise bool
			}{
				"old":                        {func(key string) interval { return putBefore(key, 0) }, false},
				"new":                        {func(key string) interval { return put(key, 0) }, true},
				"old, as of before":          {func(key string) interval { return putBefore(key, time.Minute) }, false},
				"new, as of before":          {func(key string) interval { return put(key, time.Minute) }, true},
				"a new one after an old one": {func(key string) interval { putBefore(key, time.Minute); return put(key, 0) }, true},
				"an old one after a new one": {func(key string) interval { put(key, time.Minute); return putBefore(key, 0) }, false},
				"an earlier new one after":   {func(key string) interval { p := putBefore(key, 0); put(key, time.Minute); return p }, false},
				"an earlier old one after":   {func(key string) interval { p := put(key, 0); putBefore(key, time.Minute); return p }, true},
				"a new one at the same time": {func(key string) interval { putBefore(key, 0); return put(key, 0) }, false},
				"new ones at the same time":  {func(key string) interval { put(key, 0); return put(key, 0) }, true},
			} {
				key, tolerance := tag(t)+name, ofTTL
				if row.precise {
					tolerance = ofTime
				}
				latest := row.marks(key)
				t.Run(name, func(t *testing.T) { checkAge(t, b, key, latest, tolerance) })
				age := ageBefore(t, client, key)
				if oldest := time.Since(latest.begin); age > oldest {
					t.Errorf("%s: %v old for the previous version, and %v at most", name, age, oldest)
				}
			}
		})
	}
}

// Earlier versions needed no right to use TIME. Without it, marks are less precise.
func TestD12_MarksWithoutTheRightToUseTIME(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	if err := server.Client().ACLSetUser(t.Context(), "app", "on", ">secret", "~*", "+@all", "-time").Err(); err != nil {
		t.Fatal(err)
	}
	with, without := record.NewRedis(server.Patient(), nil), record.NewRedis(server.ConnectAs("app", "secret"), nil)
	for name, put := range map[string]func(key string) error{
		"without": func(key string) error { return without.Mark(t.Context(), key, 0) },
		"with":    func(key string) error { return with.Mark(t.Context(), key, 0) },
		"with after without": func(key string) error {
			return errors.Join(without.Mark(t.Context(), key, time.Minute), with.Mark(t.Context(), key, 0))
		},
		"without after with": func(key string) error {
			return errors.Join(with.Mark(t.Context(), key, time.Minute), without.Mark(t.Context(), key, 0))
		},
		"with before earlier": func(key string) error {
			return errors.Join(with.Mark(t.Context(), key, 0), without.Mark(t.Context(), key, time.Minute))
		},
		"several times, alike": func(key string) error {
			return errors.Join(with.Mark(t.Context(), key, 0), without.Mark(t.Context(), key, 0), without.Mark(t.Context(), key, 0))
		},
	} {
		put := timed(t, func() error { return put(name) })
		checkAge(t, with, name, put, 2*ofTTL)
		checkAge(t, without, name, put, 2*ofTTL)
	}
	label := record.NewLabel("user", "t", "o")
	if err := newStore(t, without, 1).Mark(t.Context(), label, time.Minute); err != nil {
		t.Fatal(err)
	}
	for began, want := range map[time.Duration]error{90 * time.Second: record.ErrEnded, 30 * time.Second: nil} {
		if _, err := newStore(t, without, 1).Create(t.Context(), "n", creation(began, label)); !errors.Is(err, want) {
			t.Errorf("began %v ago: %v", began, err)
		}
	}
}

// If the clock of Redis is set back, a mark must not seem older than it is.
func TestD12_MarksWithTimesInTheFuture(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Patient()
	b := record.NewRedis(client, nil)
	now, err := client.Time(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	set := func(value any, ttl time.Duration) {
		t.Helper()
		if err := client.Set(t.Context(), "k", value, ttl).Err(); err != nil {
			t.Fatal(err)
		}
	}
	set(now.Add(time.Minute).UnixMicro(), record.MarkTTL+time.Minute)
	if age, err := b.Marked(t.Context(), "k"); err != nil || age != 0 {
		t.Errorf("%v, %v", age, err)
	}
	put := timed(t, func() error { return b.Mark(t.Context(), "k", 0) })
	checkAge(t, b, "k", put, ofTime)
	for _, foreign := range []any{"x", "", "-5", "1e300", "nan", "5"} {
		set(foreign, time.Minute) // as if four minutes had passed
		if age, err := b.Marked(t.Context(), "k"); err != nil || (age-4*time.Minute).Abs() > time.Second {
			t.Errorf("%q: %v, %v", foreign, age, err)
		}
	}
	set("x", time.Hour)
	if age, err := b.Marked(t.Context(), "k"); err != nil || age != record.Never {
		t.Errorf("a key that lives longer than marks: %v, %v", age, err)
	}
}

// Values of another type at the key of a mark prevent neither a sign-in nor a mark.
func TestE11_MarksOnValuesOfAnotherType(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Patient()
	b := record.NewRedis(client, nil)
	for name, plant := range plants {
		if _, err := client.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
			plant(t.Context(), p, name)
			p.Expire(t.Context(), name, time.Hour)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if age, err := b.Marked(t.Context(), name); err != nil || age != record.Never {
			t.Errorf("%s: %v, %v", name, age, err)
		}
		put := timed(t, func() error { return b.Mark(t.Context(), name, 0) })
		checkAge(t, b, name, put, ofTime)
	}
}

// Redis forgets its scripts when it restarts. Marks must then be read after the lists are written,
// too.
func TestD12_MarksAreReadAfterTheScriptsWereFlushed(t *testing.T) {
	for name, start := range redistest.EachAlone(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			s := newStore(t, record.NewRedis(r.Patient(), nil), 1)
			label := record.NewLabel("user", "t", "o")
			for began, want := range map[time.Duration]error{90 * time.Second: record.ErrEnded, 30 * time.Second: nil} {
				if err := s.Mark(t.Context(), label, time.Minute); err != nil {
					t.Fatal(err)
				}
				for _, master := range r.Masters() {
					if err := master.Client().ScriptFlush(t.Context()).Err(); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := s.Create(t.Context(), "n", creation(began, label)); !errors.Is(err, want) {
					t.Errorf("began %v ago: %v", began, err)
				}
			}
		})
	}
}

// TIME has no key, so a Cluster's client would send it to any master. The script asks the master
// that holds the mark.
func TestD12_TimeIsThatOfTheMaster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	client := cluster.Patient()
	b := record.NewRedis(client, nil)
	for i := range 30 {
		key := strings.Repeat("k", i+1)
		put := timed(t, func() error { return b.Mark(t.Context(), key, 0) })
		checkAge(t, b, key, put, ofTime)
	}
	for _, master := range cluster.Masters() {
		info, err := master.Client().Info(t.Context(), "commandstats").Result()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(info, "cmdstat_time:") {
			t.Errorf("%s was not asked for its time", master.Addr)
		}
	}
}

// swappedMarks is a hook that gives each reading of a mark the reply to another command.
type swappedMarks struct{ reply any }

func (swappedMarks) DialHook(next redis.DialHook) redis.DialHook { return next }

func (swappedMarks) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (s swappedMarks) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			cmd.(*redis.Cmd).SetVal(s.reply)
		}
		return nil
	}
}

// The reply to a command that is not about marks must not refuse a sign-in.
func TestG6_SwappedRepliesAreNotMarks(t *testing.T) {
	t.Parallel()
	for _, reply := range []any{int64(0), int64(1), "OK", []any{"name"}, []any{"name", "1"}, []any{int64(1), int64(2)}, nil} {
		client := redis.NewClient(&redis.Options{})
		client.AddHook(swappedMarks{reply})
		if age, err := record.NewRedis(client, nil).Marked(t.Context(), "k"); err == nil {
			t.Errorf("%v: %v", reply, age)
		}
		_ = client.Close()
	}
}

// The same for the reply of a list's script, by which sessions end and sign-ins are refused.
func TestG6_SwappedRepliesAreNotLists(t *testing.T) {
	t.Parallel()
	for _, reply := range []any{int64(0), int64(1), "OK", []any{}, []any{"name"}, []any{"name", "1"}, []any{int64(1), int64(2)}, nil} {
		client := redis.NewClient(&redis.Options{})
		client.AddHook(swappedMarks{reply})
		b := record.NewRedis(client, nil)
		if excess, err := b.Enlist(t.Context(), "n", time.Now().Add(time.Hour), record.List{Key: "k", Max: 1}); err == nil {
			t.Errorf("%v: %v", reply, excess)
		}
		result, err := b.Begin(t.Context(), &record.BeginParams{Name: "n", Until: time.Now().Add(time.Hour), Lists: []record.List{{Key: "k", Marks: []string{"m"}}}})
		if err == nil {
			t.Errorf("%v: %+v", reply, result)
		}
		_ = client.Close()
	}
}
