package record

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// No write checks more than a few entries, so that a sign-in costs the same with many sessions as with
// few, and readers do not wait longer (threat G24).
func TestG24_WritesLookAtFewEntries(t *testing.T) {
	t.Parallel()
	var x expiring[int, string]
	for size := range 20_000 {
		before := x.visits
		x.put(&expiringEntry[int, string]{key: size, value: "v", expiresAt: time.Now().Add(time.Hour)})
		if visits := x.visits - before; visits > visitsPerWrite {
			t.Fatalf("a write among %d entries looked at %d of them", size, visits)
		}
	}
	before := x.visits
	for key := range 20_000 {
		if e := x.get(key); e == nil || e.value != "v" {
			t.Fatalf("%d: %v", key, e)
		}
	}
	if x.visits != before {
		t.Error("readers look at other entries")
	}
}

// There are at most as many expired entries as live ones, for any lifetimes.
func TestG24_ExpiredEntriesAreRemovedByWrites(t *testing.T) {
	for name, life := range map[string]func(i int) time.Duration{
		"all alike": func(int) time.Duration { return 1000 * time.Second },
		"a hundred live very long": func(i int) time.Duration {
			if i < 100 {
				return 1000 * time.Hour
			}
			return 900 * time.Second
		},
		"every other one lives very briefly": func(i int) time.Duration {
			if i%2 == 0 {
				return time.Millisecond
			}
			return 2000 * time.Second
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var x expiring[int, int]
				most := 0
				for i := range 10_000 { // one per second, of which a thousand are alive
					x.put(&expiringEntry[int, int]{key: i, expiresAt: time.Now().Add(life(i))})
					most = max(most, x.len())
					time.Sleep(time.Second)
				}
				t.Logf("%d at most, %d at the end", most, x.len())
				if most > 2000 {
					t.Errorf("%d entries, of which about 1000 are alive", most)
				}
				for range 2 * x.len() {
					x.put(&expiringEntry[int, int]{key: -1, expiresAt: time.Now().Add(time.Hour)})
				}
				alive := 0
				for _, e := range x.entries {
					if time.Now().Before(e.expiresAt) {
						alive++
					}
				}
				if x.len() != alive || len(x.entries) != alive {
					t.Errorf("%d entries after as many writes, %d of them alive", x.len(), alive)
				}
			})
		})
	}
}

// For any order of calls, an expiring map has the same content as a map with a clock.
func TestExpiring_IsAMap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		var x expiring[int, int]
		until := map[int]time.Time{}
		x.removed = func(e *expiringEntry[int, int]) {
			if at, ok := until[e.key]; ok && time.Now().Before(at) {
				t.Errorf("%d was removed %v too early", e.key, time.Until(at))
			}
		}
		for range 20_000 {
			key := random.IntN(100)
			switch e := x.get(key); random.IntN(3) {
			case 0:
				until[key] = time.Now().Add(time.Duration(1+random.IntN(60)) * time.Second)
				if replaced := x.put(&expiringEntry[int, int]{key: key, value: key, expiresAt: until[key]}); replaced != e {
					t.Errorf("replaced %v, and it was %v", replaced, e)
				}
			case 1:
				delete(until, key)
				if e != nil {
					x.remove(e)
				}
			default:
				if want := time.Now().Before(until[key]); (e != nil) != want {
					t.Errorf("%d is there: %t, want %t", key, e != nil, want)
				}
			}
			time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
			for i, e := range x.turns {
				if e.turn != i || x.entries[e.key] != e || e.value != e.key {
					t.Fatalf("turn %d: %+v", i, e)
				}
			}
		}
		if x.len() != len(x.entries) {
			t.Errorf("%d and %d entries", x.len(), len(x.entries))
		}
	})
}

// A sign-in checks only a few names, even if lists without a limit, such as the list of all sessions,
// contain many.
func TestG24_EnlistingLooksAtFewNames(t *testing.T) {
	t.Parallel()
	m := newMemoryLists()
	visits := func() (n int) {
		for i := range m.shards {
			n += m.shards[i].names.visits
		}
		return n
	}
	for i := range 20_000 {
		name, before := strconv.Itoa(i), visits()
		lists := []List{{Key: "user " + name, Max: 2}, {Key: "mail"}, {Key: "all"}}
		excess, err := m.Enlist(t.Context(), name, time.Now().Add(time.Hour), lists...)
		if err != nil || len(excess) > 0 {
			t.Fatalf("%v: %v", excess, err)
		}
		if n := visits() - before; n > len(lists)*visitsPerWrite {
			t.Fatalf("the %dth session looked at %d names", i, n)
		}
	}
}

// For any order of calls, a list contains the names that were enlisted and have neither been delisted
// nor expired.
func TestMemoryLists_AreSets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(3, 4))
		m, ctx := newMemoryLists(), t.Context()
		want := map[string]map[string]time.Time{}
		for range 5_000 {
			name, list := strconv.Itoa(random.IntN(30)), fmt.Sprint("list ", random.IntN(5))
			if want[list] == nil {
				want[list] = map[string]time.Time{}
			}
			if random.IntN(2) == 0 {
				until := time.Now().Add(time.Duration(1+random.IntN(60)) * time.Second)
				want[list][name] = until
				_, _ = m.Enlist(ctx, name, until, List{Key: list})
			} else {
				delete(want[list], name)
				_ = m.Delist(ctx, name, list)
			}
			time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond)
			now := time.Now()
			maps.DeleteFunc(want[list], func(_ string, until time.Time) bool { return !now.Before(until) })
			if got, _ := m.Listed(ctx, list); !slices.Equal(got, lastFirst(want[list])) {
				t.Fatalf("%v, want %v", got, lastFirst(want[list]))
			}
		}
		time.Sleep(time.Hour)
		for list := range want {
			_, _ = m.Listed(ctx, list)
		}
		if n := m.Listings(); n != 0 {
			t.Errorf("%d listings left", n)
		}
		for i := range m.shards {
			if n := len(m.shards[i].lists); n != 0 {
				t.Errorf("%d empty lists left", n)
			}
		}
	})
}
