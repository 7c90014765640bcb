package parallel

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func someNames(n int) (names []string) {
	for i := range n {
		names = append(names, strconv.Itoa(i))
	}
	return names
}

func TestMap_KeepsTheOrderAndItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int64
		began, got := time.Now(), []string(nil)
		names := someNames(10 * Limit)
		for name, err := range Map(Each(names), func(name string) (string, error) {
			defer running.Add(-1)
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second)
			return name, nil
		}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, name)
		}
		if took := time.Since(began); !slices.Equal(got, names) || most.Load() != Limit || took != 10*time.Second {
			t.Errorf("%d of %d, %d at the same time, in %v", len(got), len(names), most.Load(), took)
		}
	})
}

func TestMap_AfterAnErrorNothingBeginsAndAllThatBeganIsDone(t *testing.T) {
	for name, row := range map[string]struct {
		work func(string) error
		want string
	}{
		"an error": {func(string) error { return errors.New("broken") }, "broken"},
		"a panic":  {func(string) error { panic("broken") }, "misconfigured"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var done atomic.Int64
				for i, err := range Map(Each(someNames(1000)), func(name string) (int, error) {
					defer done.Add(1)
					i, _ := strconv.Atoi(name)
					if i == 70 {
						return i, row.work(name)
					}
					time.Sleep(time.Second)
					return i, nil
				}) {
					if err == nil && i < 70 {
						continue
					}
					if err == nil || !strings.Contains(err.Error(), row.want) {
						t.Errorf("%d: %v", i, err)
					}
					before := done.Load()
					time.Sleep(time.Minute)
					if done.Load() != before || before > 70+Limit+1 {
						t.Errorf("%d were done, then %d", before, done.Load())
					}
				}
			})
		})
	}
}

func TestMap_AnErrorOfTheNamesComesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Int64
		failed := false
		for _, err := range Map(func(yield func(string, error) bool) {
			_ = yield("a", nil) && yield("b", nil) && yield("", errors.New("broken"))
		}, func(string) (struct{}, error) { done.Add(1); return struct{}{}, nil }) {
			if err != nil && done.Load() != 2 {
				t.Errorf("%d done: %v", done.Load(), err)
			}
			failed = failed || err != nil
		}
		if !failed {
			t.Error("there is no error")
		}
		for range Map(Each(someNames(100)), func(string) (struct{}, error) { return struct{}{}, nil }) {
			break // and leaves nothing that runs: the bubble would wait for it
		}
	})
}
