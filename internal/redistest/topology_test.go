package redistest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestStartCluster_KeepsEachKeyOnItsMaster(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	ctx, client := context.Background(), c.Client()
	for i := range 30 {
		if err := client.Set(ctx, fmt.Sprintf("key%d", i), "value", time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range c.Servers() {
		if len(s.Keys()) == 0 {
			t.Errorf("%s holds nothing", s.Addr)
		}
	}
	if len(c.Keys()) != 30 || len(c.Addrs) != 3 {
		t.Errorf("%d keys on %v", len(c.Keys()), c.Addrs)
	}
	c.Dump()
}

func TestStartSentinel_FailsOver(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t)
	ctx, client := context.Background(), s.Client()
	if err := client.Set(ctx, "key", "value", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	s.Replicated()
	old := s.KillMaster()
	s.AwaitFailover(old)
	if s.Master() == old || fmt.Sprint(s.Keys()) != "[key]" {
		t.Errorf("master %s, was %s, keys %v", s.Master().Addr, old.Addr, s.Keys())
	}
	if got, err := s.Client().Get(ctx, "key").Result(); got != "value" {
		t.Errorf("%q, %v", got, err)
	}
	s.Dump()
}
