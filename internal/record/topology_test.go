package record_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestCluster_BackendContract(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	client := cluster.Client()
	b := record.NewRedis(client, nil)
	for i := range 12 { // names that lie on all masters
		backendContract(t, client, b, fmt.Sprintf("{name%d}", i))
	}
	for _, s := range cluster.Servers() {
		if len(s.Keys()) == 0 {
			t.Errorf("%s was never asked", s.Addr)
		}
	}
	cluster.Dump() // fails for keys without an end
}

func TestCluster_InstancesKeepApart(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	one, two := cluster.Client(), cluster.Client()
	claimInParallel(t, one, two)
	lockInTurns(t, one, two)
}

func TestSentinel_BackendContract(t *testing.T) {
	t.Parallel()
	sentinel := redistest.StartSentinel(t)
	client := sentinel.Client()
	backendContract(t, client, record.NewRedis(client, nil), "{x}")
	other := sentinel.Client()
	claimInParallel(t, client, other)
	lockInTurns(t, client, other)
	sentinel.Dump()
}

// During a failover a record may be out of reach, but is never absent: that would
// sign its user out.
func TestSentinel_FailoverIsAnErrorAndNeverAbsence(t *testing.T) {
	t.Parallel()
	sentinel := redistest.StartSentinel(t)
	client := sentinel.Client()
	b, ctx := record.NewRedis(client, nil), t.Context()
	for _, key := range []string{"{x}:s", "{x}:t"} {
		if err := b.Set(ctx, key, []byte("before"), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if won, err := b.Claim(ctx, "{x}:claimed", "one", time.Hour); err != nil || !won {
		t.Fatalf("claim: %v, %v", won, err)
	}
	sentinel.Replicated()
	killed, dead := time.Now(), sentinel.KillMaster()
	failures, slowest := 0, time.Duration(0)
	for {
		asked := time.Now()
		value, err := b.Get(ctx, "{x}:s")
		slowest = max(slowest, time.Since(asked))
		if err == nil && string(value) != "before" {
			t.Fatalf("absent without an error: %q", value)
		}
		// To be the one who reads is not enough: a replica cannot write.
		updated, err := b.Update(ctx, "{x}:t", []byte("after"), time.Hour)
		if err == nil && !updated {
			t.Fatal("an update found nothing, without an error")
		}
		if err == nil {
			break
		}
		failures++
		if time.Since(killed) > 20*time.Second {
			t.Fatalf("still failing: %v", err)
		}
		<-time.After(20 * time.Millisecond)
	}
	t.Logf("writes work %v after the kill, %d failed, the slowest read took %v", time.Since(killed).Round(time.Millisecond), failures, slowest.Round(time.Millisecond))
	sentinel.AwaitFailover(dead)

	value, err := b.Get(ctx, "{x}:t")
	if err != nil || string(value) != "after" {
		t.Errorf("after the failover: %q, %v", value, err)
	}
	for claimant, want := range map[string]bool{"one": true, "two": false} {
		if got, err := b.Claim(ctx, "{x}:claimed", claimant, time.Minute); err != nil || got != want {
			t.Errorf("claim by %s after the failover: %v, %v", claimant, got, err)
		}
	}
	for _, key := range []string{"{x}:s", "{x}:t", "{x}:claimed"} {
		if life := client.PTTL(ctx, key).Val(); life < 59*time.Minute {
			t.Errorf("%s lives for %v", key, life)
		}
	}
	backendContract(t, client, b, "{y}")
	lockInTurns(t, client, sentinel.Client())
	sentinel.Dump()
}

// backendContract checks each method on keys with one hash tag, which is left with
// a single key.
func backendContract(t *testing.T, client redis.UniversalClient, b record.Backend, tag string) {
	t.Helper()
	ctx := t.Context()
	absent, one, two, claimed := tag+":absent", tag+":s", tag+":t", tag+":claimed"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", tag, err)
		}
	}
	is := func(key, want string) {
		t.Helper()
		got, err := b.Get(ctx, key)
		must(err)
		if string(got) != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	lives := func(key string, least, most time.Duration) {
		t.Helper()
		life, err := client.PTTL(ctx, key).Result()
		must(err)
		if life < least || life > most {
			t.Errorf("%s lives for %v, want %v to %v", key, life, least, most)
		}
	}
	updates := func(key, value string, want bool) {
		t.Helper()
		got, err := b.Update(ctx, key, []byte(value), time.Minute)
		must(err)
		if got != want {
			t.Errorf("update of %s: %v, want %v", key, got, want)
		}
	}

	is(absent, "")
	updates(absent, "v", false)
	must(b.Touch(ctx, time.Minute, absent))
	must(b.Delete(ctx, absent, tag+":absent as well"))
	is(absent, "")

	must(b.Set(ctx, one, []byte("1"), time.Minute))
	must(b.Set(ctx, two, []byte("2"), time.Minute))
	is(one, "1")
	is(two, "2")
	lives(one, 50*time.Second, time.Minute)
	must(b.Touch(ctx, time.Hour, one, two, absent))
	lives(one, 59*time.Minute, time.Hour)
	lives(two, 59*time.Minute, time.Hour)
	is(absent, "")
	updates(one, "3", true)
	is(one, "3")
	lives(one, 59*time.Minute, time.Hour) // an update does not change the life
	for _, row := range []struct {
		old, value string
		want       bool
	}{{"1", "5", false}, {"3", "4", true}, {"3", "5", false}} {
		got, err := b.Swap(ctx, one, []byte(row.old), []byte(row.value), time.Minute)
		must(err)
		if got != row.want {
			t.Errorf("swap of %s from %s to %s: %v, want %v", one, row.old, row.value, got, row.want)
		}
	}
	is(one, "4")
	lives(one, 59*time.Minute, time.Hour) // nor does a swap
	must(b.Set(ctx, one, []byte("6"), time.Minute))
	lives(one, 50*time.Second, time.Minute) // a new record does

	must(b.Delete(ctx, one, two))
	is(one, "")
	is(two, "")
	updates(one, "back again", false) // what a sign-out deleted stays deleted
	if got, err := b.Swap(ctx, one, []byte("6"), []byte("back again"), time.Minute); err != nil || got {
		t.Errorf("swap of what was deleted: %v, %v", got, err)
	}
	is(one, "")

	for _, row := range []struct {
		claimant string
		want     bool
	}{{"one", true}, {"two", false}, {"one", true}} {
		got, err := b.Claim(ctx, claimed, row.claimant, time.Minute)
		must(err)
		if got != row.want {
			t.Errorf("claim of %s by %s: %v, want %v", claimed, row.claimant, got, row.want)
		}
	}
	lives(claimed, 50*time.Second, time.Minute)

	release, err := b.Lock(ctx, tag+":l")
	must(err)
	lives(tag+":l", time.Second, time.Minute)
	release()
	is(tag+":l", "")
}

// lockInTurns lets instances change one key under one lock, each in its turn.
func lockInTurns(t *testing.T, clients ...redis.UniversalClient) {
	t.Helper()
	const key, turns = "{turns}:s", 12
	var wait sync.WaitGroup
	var inside atomic.Int32
	for _, client := range clients {
		b := record.NewRedis(client, nil)
		wait.Go(func() {
			for range turns {
				release, err := b.Lock(t.Context(), "{turns}:l")
				if err != nil {
					t.Errorf("lock: %v", err)
					return
				}
				if inside.Add(1) != 1 {
					t.Error("two hold the lock")
				}
				value, err := b.Get(t.Context(), key)
				if err == nil {
					err = b.Set(t.Context(), key, append(value, '.'), time.Minute)
				}
				if err != nil {
					t.Errorf("under the lock: %v", err)
				}
				inside.Add(-1)
				release()
			}
		})
	}
	wait.Wait()
	value, err := record.NewRedis(clients[0], nil).Get(t.Context(), key)
	if err != nil || len(value) != turns*len(clients) {
		t.Errorf("%d of %d changes are left: %v", len(value), turns*len(clients), err)
	}
}

// claimInParallel lets two instances claim the same.
func claimInParallel(t *testing.T, clients ...redis.UniversalClient) {
	t.Helper()
	var won atomic.Int32
	var wait sync.WaitGroup
	for i := range 32 {
		b := record.NewRedis(clients[i%len(clients)], nil)
		wait.Go(func() {
			ok, err := b.Claim(t.Context(), "fm:u:once", fmt.Sprint("claimant ", i), time.Minute)
			if err != nil {
				t.Errorf("claim: %v", err)
			}
			if ok {
				won.Add(1)
			}
		})
	}
	wait.Wait()
	if won.Load() != 1 {
		t.Errorf("%d winners", won.Load())
	}
}
