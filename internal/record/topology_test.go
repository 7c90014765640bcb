package record_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestRedis_TTLs(t *testing.T) {
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
			checkTTL(t, client, one, time.Minute)
			here.must(b.Touch(ctx, time.Hour, one, two, absent))
			checkTTL(t, client, one, time.Hour)
			checkTTL(t, client, two, time.Hour)
			here.is(absent, "")
			here.swaps(one, "1", "3", true)
			checkTTL(t, client, one, time.Hour) // a swap does not change the TTL
			here.set(one, "4")
			checkTTL(t, client, one, time.Minute) // a new record sets it

			here.claims(tag(t)+":u", "one", true)
			checkTTL(t, client, tag(t)+":u", time.Minute)
			release, err := b.Lock(ctx, tag(t)+":l")
			here.must(err)
			checkTTL(t, client, tag(t)+":l", 5*time.Second)
			release()
			r.Dump() // fails for keys without a TTL
		})
	}
}

// checkTTL checks the TTL of a key, with a tolerance.
func checkTTL(t *testing.T, client redis.UniversalClient, key string, want time.Duration) {
	t.Helper()
	ttl, err := client.PTTL(t.Context(), key).Result()
	if err != nil || ttl > want || ttl < want-want/10 {
		t.Errorf("TTL of %s: %v, want %v: %v", key, ttl, want, err)
	}
}

// During a failover a record may be unavailable, but is never absent, because that would sign its
// user out.
func TestSentinel_FailoverIsAnErrorAndNeverAbsence(t *testing.T) {
	t.Parallel()
	sentinel := redistest.StartSentinel(t)
	client, ctx := sentinel.Patient(), t.Context()
	b, patient := record.NewRedis(sentinel.Connect(), nil), record.NewRedis(client, nil)
	here := steps{t, patient}
	for _, key := range []string{"{x}:s", "{x}:t"} {
		here.must(patient.Set(ctx, key, []byte("before"), time.Hour))
	}
	if won, err := patient.Claim(ctx, "{x}:claimed", "one", time.Hour); err != nil || !won {
		t.Fatalf("claim: %v, %v", won, err)
	}
	sentinel.Replicated()
	killed, dead := time.Now(), sentinel.KillMaster()
	failures, slowest := 0, time.Duration(0)
	for {
		began := time.Now()
		value, err := b.Get(ctx, "{x}:s")
		slowest = max(slowest, time.Since(began))
		if err == nil && string(value) != "before" {
			t.Fatalf("absent without an error: %q", value)
		}
		// A read is not enough, because a replica serves reads.
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
		checkTTL(t, client, key, time.Hour)
	}
	other := record.NewRedis(sentinel.Patient(), nil)
	contract(t, patient, other, "{y}")
	writeUnderLock(t, patient, other)
	sentinel.Dump()
}

// written swaps a value. A swap may find its own value there, because go-redis retries after a lost
// reply.
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
