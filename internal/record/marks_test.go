package record_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// creation returns a session whose sign-in began some time ago.
func creation(ago time.Duration, labels ...record.Label) *record.Creation {
	return &record.Creation{
		Session: []byte("s"), TTL: time.Hour, Until: time.Now().Add(time.Hour), Labels: labels,
		Began: time.Now().Add(-ago), Scopes: []record.Label{record.NewLabel("tenant", "t")},
	}
}

func TestD12_SignInsThatBeganBeforeAMarkAreRefused(t *testing.T) {
	for name, start := range each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, other := start(t)
			ctx, s, there := t.Context(), newStore(t, b, 1), newStore(t, other, 1)
			none := record.NewLabel("tenant", "other")
			for name, row := range map[string]struct {
				mark  func(label record.Label) error
				began time.Duration
				ended bool
			}{
				"nothing is marked": {func(record.Label) error { return nil }, time.Minute, false},
				"just marked":       {func(l record.Label) error { return there.Mark(ctx, l, 0) }, time.Minute, true},
				"as of before":      {func(l record.Label) error { return there.Mark(ctx, l, time.Minute) }, 30 * time.Second, false},
				"as of later":       {func(l record.Label) error { return there.Mark(ctx, l, time.Minute) }, 90 * time.Second, true},
				"an earlier mark does not replace a later one": {func(l record.Label) error {
					return errors.Join(there.Mark(ctx, l, 0), there.Mark(ctx, l, 2*time.Minute))
				}, time.Minute, true},
				"a later mark replaces an earlier one": {func(l record.Label) error {
					return errors.Join(there.Mark(ctx, l, 2*time.Minute), there.Mark(ctx, l, 0))
				}, time.Minute, true},
				"another label":   {func(record.Label) error { return there.Mark(ctx, record.NewLabel("user", "t", "x"), 0) }, time.Minute, false},
				"longer than any": {func(record.Label) error { return nil }, record.MarkTTL, true},
				"as of long ago":  {func(l record.Label) error { return there.Mark(ctx, l, 24*time.Hour) }, time.Minute, false},
				"another tenant":  {func(record.Label) error { return markAll(t, there, none) }, time.Minute, false},
			} {
				label := record.NewLabel("user", "t", name)
				if err := row.mark(label); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Create(ctx, name, creation(row.began, record.NewLabel("user", "t", "of all"), label)); errors.Is(err, record.ErrEnded) != row.ended || !row.ended && err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if err := markAll(t, there, record.NewLabel("tenant", "t")); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Create(ctx, "of the tenant", creation(time.Minute)); !errors.Is(err, record.ErrEnded) {
				t.Errorf("of a tenant: %v", err)
			}
			if err := markAll(t, there, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Create(ctx, "of all", &record.Creation{Session: []byte("s"), TTL: time.Hour, Until: time.Now().Add(time.Hour), Began: time.Now().Add(-time.Minute)}); !errors.Is(err, record.ErrEnded) {
				t.Errorf("all: %v", err)
			}
		})
	}
}

// late is a backend on a busy machine. Its first replies take longer than it was between the mark and the sign-in.
type late struct {
	record.Backend

	replies int
}

func (l *late) delay() {
	if l.replies > 0 {
		l.replies--
		time.Sleep(50 * time.Millisecond)
	}
}

func (l *late) Begin(ctx context.Context, p *record.BeginParams) (record.BeginResult, error) {
	defer l.delay()
	return l.Backend.Begin(ctx, p)
}

func (l *late) Marked(ctx context.Context, keys ...string) (time.Duration, error) {
	defer l.delay()
	return l.Backend.Marked(ctx, keys...)
}

func TestD12_LateRepliesDoNotRefuseASignInAfterAMark(t *testing.T) {
	t.Parallel()
	for replies, want := range map[int]error{0: nil, 8: nil, 1000: record.ErrEnded} {
		synctest.Test(t, func(t *testing.T) {
			s, label := newStore(t, &late{record.NewMemory(), replies}, 1), record.NewLabel("user", "t", "o")
			if err := s.Mark(t.Context(), label, 0); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
			if _, err := s.Create(t.Context(), "n", creation(0, label)); !errors.Is(err, want) {
				t.Errorf("%d late replies: %v", replies, err)
			}
		})
	}
}

func markAll(t *testing.T, s *record.Store, scope record.Label) error {
	t.Helper()
	for part := range s.Shards() {
		if err := s.MarkShard(t.Context(), part, scope, 0); err != nil {
			return err
		}
	}
	return nil
}

// Keys are replaced in two deployments, so an instance marks under all of its keys.
func TestD12_MarksSurviveARotationOfKeys(t *testing.T) {
	for name, start := range each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, other := start(t)
			label := record.NewLabel("user", "t", "o")
			if err := newStore(t, other, 1, 9).Mark(t.Context(), label, 0); err != nil {
				t.Fatal(err)
			}
			for _, keys := range []string{"\x01", "\x01\x09", "\x09\x01"} {
				if _, err := newStore(t, b, []byte(keys)...).Create(t.Context(), "n", creation(time.Minute, label)); !errors.Is(err, record.ErrEnded) {
					t.Errorf("keys %x: %v", keys, err)
				}
			}
		})
	}
}

func TestD12_ClocksOfAppAndRedisMayDifferByADay(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"ahead": 24 * time.Hour, "behind": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, record.NewRedis(redistest.StartAhead(t, ahead).Patient(), nil), 1)
			label := record.NewLabel("user", "t", "o")
			if err := s.Mark(t.Context(), label, time.Minute); err != nil {
				t.Fatal(err)
			}
			for began, want := range map[time.Duration]error{90 * time.Second: record.ErrEnded, 30 * time.Second: nil} {
				if _, err := s.Create(t.Context(), "n", creation(began, label)); !errors.Is(err, want) {
					t.Errorf("began %v ago: %v", began, err)
				}
			}
		})
	}
}

func TestG24_MemoryDoesNotGrow(t *testing.T) {
	for name, start := range map[string]func() (record.Backend, func() int){
		"memory": func() (record.Backend, func() int) {
			m := record.NewMemory()
			return m, func() int { return m.Len() + m.Listings() }
		},
		"plain": func() (record.Backend, func() int) {
			p := record.NewPlain(storage{record.NewMemory()})
			return p, p.Listings
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, size := start()
				s := newStore(t, b, 1)
				most := 0
				for i := range 12_000 { // one per second, each for half an hour
					n := name + time.Now().String()
					c := creation(0, record.NewLabel("user", "t", n), record.NewLabel("mail", "t", n), record.NewLabel("sid", n))
					c.TTL, c.Until = 20*time.Minute, time.Now().Add(30*time.Minute)
					_, err := s.Create(t.Context(), n, c)
					if err == nil {
						_, err = s.Claim(t.Context(), n, "c", 12*time.Minute)
					}
					if err == nil {
						err = s.Mark(t.Context(), record.NewLabel("user", "t", n), 0)
					}
					if err != nil {
						t.Fatal(err)
					}
					if i%100 == 0 {
						most = max(most, size())
					}
					if i == 6_000 {
						t.Logf("%d at most in the first 6,000", most)
					}
					time.Sleep(time.Second)
				}
				// 1,800 sessions are alive, on four lists each, with a record, a claim and a
				// mark. That is about 10,000 entries, and as many again until the next sweep.
				t.Logf("%d at most, %d at the end", most, size())
				if most > 25_000 {
					t.Errorf("%d entries", most)
				}
			})
		})
	}
}
