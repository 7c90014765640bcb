package record_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// masters are a storage of several parts, some of which are dead.
type masters struct {
	*record.Memory
	where map[string]string // a key is
	lost  bool              // nobody knows where
	dead  map[string]bool
	asked int
}

var errDead = errors.New("dead")

func (m *masters) Locate() func(context.Context, string) (string, error) {
	return func(_ context.Context, key string) (string, error) {
		m.asked++
		if m.lost {
			return "", errDead
		}
		return m.where[key], nil
	}
}

func (m *masters) Get(ctx context.Context, key string) ([]byte, error) {
	if m.dead[m.where[key]] {
		return nil, errDead
	}
	return m.Memory.Get(ctx, key)
}

func TestGuarded_MasterThatIsDownConcernsItsKeysOnly(t *testing.T) {
	for name, mend := range map[string]func(*masters){
		"it comes back": func(m *masters) { m.dead["one"] = false },
		"a failover":    func(m *masters) { m.where["a"] = "three" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &masters{
					Memory: record.NewMemory(),
					where:  map[string]string{"a": "one", "b": "two"}, dead: map[string]bool{"one": true},
				}
				var told []bool
				g := record.NewGuarded(m, nil, func(down bool) { told = append(told, down) })
				for i := range 20 {
					want := errDead
					if i >= 5 {
						want = record.ErrDown
					}
					if _, err := g.Get(t.Context(), "a"); !errors.Is(err, want) {
						t.Errorf("the dead one, asked %d times before: %v", i, err)
					}
				}
				if _, err := g.Get(t.Context(), "b"); err != nil {
					t.Errorf("the other one: %v", err)
				}
				mend(m)
				time.Sleep(time.Second)
				for _, key := range []string{"b", "a", "b"} {
					if _, err := g.Get(t.Context(), key); err != nil {
						t.Errorf("%s afterwards: %v", key, err)
					}
				}
				if !slices.Equal(told, []bool{true, false}) {
					t.Errorf("told: %v", told)
				}
			})
		})
	}
}

func TestGuarded_NobodyKnowsWhereKeysAre(t *testing.T) {
	t.Parallel()
	m := &masters{Memory: record.NewMemory(), lost: true}
	var told []bool
	g := record.NewGuarded(m, nil, func(down bool) { told = append(told, down) })
	for range 20 {
		if _, err := g.Get(t.Context(), "a"); err == nil {
			t.Error("no error")
		}
	}
	if m.asked != 5 || !slices.Equal(told, []bool{true}) {
		t.Errorf("asked %d times, told %v", m.asked, told)
	}
}

func TestGuarded_RefusalIsNoOutage(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ctx := t.Context()
	err := errors.Join(
		server.Client().ACLSetUser(ctx, "reader", "on", ">secret", "~*", "+get", "+eval", "+evalsha").Err(),
		server.Client().Set(ctx, "a", "1", time.Minute).Err())
	if err != nil {
		t.Fatal(err)
	}
	told := false
	g := record.NewGuarded(record.NewRedis(server.ConnectAs("reader", "secret"), nil), nil, func(bool) { told = true })
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
	if v, err := g.Get(ctx, "a"); string(v) != "1" || told {
		t.Errorf("%q, %v, told: %v", v, err, told)
	}
}
