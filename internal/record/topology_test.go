package record_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestRedis_LifeOfAKey(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			client, ctx := r.Patient(), t.Context()
			b := record.NewRedis(client, nil)
			here := steps{t, b}
			one, two, absent := tag(t)+":s", tag(t)+":t", tag(t)+":absent"

			here.set(one, "1")
			here.set(two, "2")
			lives(t, client, one, time.Minute)
			here.must(b.Touch(ctx, time.Hour, one, two, absent))
			lives(t, client, one, time.Hour)
			lives(t, client, two, time.Hour)
			here.is(absent, "")
			here.swaps(one, "1", "3", true)
			lives(t, client, one, time.Hour) // a swap does not change it
			here.set(one, "4")
			lives(t, client, one, time.Minute) // a new record does

			here.claims(tag(t)+":u", "one", true)
			lives(t, client, tag(t)+":u", time.Minute)
			release, err := b.Lock(ctx, tag(t)+":l")
			here.must(err)
			lives(t, client, tag(t)+":l", 5*time.Second)
			release()
			r.Dump() // fails for keys without an end
		})
	}
}

// lives checks how long a key still lives, but for a few seconds.
func lives(t *testing.T, client redis.UniversalClient, key string, want time.Duration) {
	t.Helper()
	life, err := client.PTTL(t.Context(), key).Result()
	if err != nil || life > want || life < want-want/10 {
		t.Errorf("%s lives for %v, want %v: %v", key, life, want, err)
	}
}

// During a failover a record may be out of reach, but is never absent: that would
// sign its user out.
func TestSentinel_FailoverIsAnErrorAndNeverAbsence(t *testing.T) {
	t.Parallel()
	sentinel := redistest.StartSentinel(t)
	client, ctx := sentinel.Patient(), t.Context()
	b, calm := record.NewRedis(sentinel.Connect(), nil), record.NewRedis(client, nil)
	here := steps{t, calm}
	for _, key := range []string{"{x}:s", "{x}:t"} {
		here.must(calm.Set(ctx, key, []byte("before"), time.Hour))
	}
	if won, err := calm.Claim(ctx, "{x}:claimed", "one", time.Hour); err != nil || !won {
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
		if err = written(t, b, "{x}:t", "before", "after"); err == nil {
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

	here.is("{x}:t", "after")
	here.claims("{x}:claimed", "one", true)
	here.claims("{x}:claimed", "two", false)
	for _, key := range []string{"{x}:s", "{x}:t", "{x}:claimed"} {
		lives(t, client, key, time.Hour)
	}
	other := record.NewRedis(sentinel.Patient(), nil)
	contract(t, calm, other, "{y}")
	inTurns(t, calm, other)
	sentinel.Dump()
}

// written swaps a value. A swap may find its own value there: its first reply was
// lost, and go-redis asked again.
func written(t *testing.T, b record.Backend, key, from, to string) error {
	t.Helper()
	swapped, err := b.Swap(t.Context(), key, []byte(from), []byte(to), time.Hour)
	if err != nil || swapped {
		return err
	}
	value, err := b.Get(t.Context(), key)
	if err == nil && string(value) != to {
		t.Fatalf("a swap from %q found %q, without an error", from, value)
	}
	return err
}
