package redistest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestEach_KeysOfAllMasters(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			ctx, client := context.Background(), r.Patient()
			var want []string
			for i := range 30 {
				want = append(want, fmt.Sprintf("key%02d", i))
				if err := client.Set(ctx, want[i], "value", time.Minute).Err(); err != nil {
					t.Fatal(err)
				}
			}
			for _, s := range r.Masters() {
				if len(s.Keys()) == 0 {
					t.Errorf("%s has no keys", s.Addr)
				}
			}
			if got := r.Keys(); !slices.Equal(got, want) {
				t.Errorf("keys: %v", got)
			}
			r.Dump()
		})
	}
}

func TestEachAlone_RestartsWithItsData(t *testing.T) {
	for name, start := range redistest.EachAlone(t, "--appendonly", "yes", "--appendfsync", "always") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			ctx, client := context.Background(), r.Connect()
			if err := client.Set(ctx, "key", "value", time.Minute).Err(); err != nil {
				t.Fatal(err)
			}
			r.Stop()
			if err := client.Get(ctx, "key").Err(); err == nil {
				t.Error("it replies after Stop")
			}
			r.Restart()
			if got := fmt.Sprint(r.Keys()); got != "[key]" {
				t.Errorf("keys after a restart: %s", got)
			}
		})
	}
}

func TestStartSentinel_FailsOver(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t)
	ctx, client := context.Background(), s.Connect()
	if err := client.Set(ctx, "key", "value", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	s.Replicated()
	old := s.KillMaster()
	s.AwaitFailover(old)
	if s.Master() == old || fmt.Sprint(s.Keys()) != "[key]" {
		t.Errorf("master %s, was %s, keys %v", s.Master().Addr, old.Addr, s.Keys())
	}
	if got, err := s.Connect().Get(ctx, "key").Result(); got != "value" {
		t.Errorf("%q, %v", got, err)
	}
	s.Dump()
}
