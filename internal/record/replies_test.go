package record_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// plants write values of another type, as another program would.
var plants = map[string]func(ctx context.Context, p redis.Pipeliner, key string){
	"a hash": func(ctx context.Context, p redis.Pipeliner, key string) { p.HSet(ctx, key, "f", "v") },
	"a set":  func(ctx context.Context, p redis.Pipeliner, key string) { p.SAdd(ctx, key, "m") },
	"a list": func(ctx context.Context, p redis.Pipeliner, key string) { p.RPush(ctx, key, "m") },
}

func TestE11_ValuesOfAnotherTypeFailOnceAtMost(t *testing.T) {
	for name, start := range redistest.EachAlone(t) { // other tests fail for keys that never expire
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := start(t).Patient()
			var mu sync.Mutex
			var discarded []string
			b := record.NewRedis(client, nil)
			b.OnDiscard = func(key string) {
				mu.Lock()
				defer mu.Unlock()
				discarded = append(discarded, key)
			}
			s, ctx := newStore(t, b, 1), t.Context()
			for name, plant := range plants {
				at := func(part string) string {
					key := tag(t) + name + part
					// With a TTL in the same step, because other tests look at all keys of the server.
					if _, err := client.TxPipelined(ctx, func(p redis.Pipeliner) error {
						plant(ctx, p, key)
						p.Expire(ctx, key, time.Minute)
						return nil
					}); err != nil {
						t.Fatal(err)
					}
					return key
				}
				list, lock, claim := at("list"), at("lock"), at("claim")
				if excess, err := b.Enlist(ctx, "n", time.Now().Add(time.Hour), record.List{Key: list, Max: 1}); err != nil || len(excess) > 0 {
					t.Errorf("%s as a list: %v, %v", name, excess, err)
				}
				if names, err := b.Listed(ctx, at("other list"), list); err != nil || !slices.Equal(names, []string{"n"}) {
					t.Errorf("%s as a list: %v, %v", name, names, err)
				}
				if err := b.Delist(ctx, "n", at("third list"), list); err != nil {
					t.Errorf("%s as a list: %v", name, err)
				}
				if names, err := b.Listed(ctx, list); err != nil || len(names) > 0 {
					t.Errorf("%s: still listed: %v, %v", name, names, err)
				}
				if won, err := b.Claim(ctx, claim, "me", time.Minute); err != nil || won {
					t.Errorf("%s as a claim: %v, %v", name, won, err)
				}
				release, err := b.Lock(ctx, lock)
				if err != nil {
					t.Errorf("%s as a lock: %v", name, err)
					continue
				}
				if ttl := client.PTTL(ctx, lock).Val(); ttl <= 0 {
					t.Errorf("%s as a lock: there is none", name)
				}
				release()
				if !slices.Contains(discarded, list) || !slices.Contains(discarded, lock) {
					t.Errorf("%s: reported %v", name, discarded)
				}
			}
			for kind := range map[record.Kind]bool{record.Session: true, record.Tokens: true} {
				if err := s.Put(ctx, "n", kind, []byte("content"), time.Hour); err != nil {
					t.Fatal(err)
				}
				sealed, err := s.Sealed(ctx, "n", kind)
				if err != nil {
					t.Fatal(err)
				}
				key := keyOf(t, client, sealed)
				if _, err := client.TxPipelined(ctx, func(p redis.Pipeliner) error {
					p.Del(ctx, key)
					p.HSet(ctx, key, "f", "v")
					p.Expire(ctx, key, time.Minute)
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Get(ctx, "n", kind); !errors.Is(err, record.ErrCorrupt) {
					t.Errorf("a hash as a record: %v", err)
				}
				if err := s.Swap(ctx, "n", kind, sealed, []byte("x"), time.Hour); !errors.Is(err, record.ErrNotFound) {
					t.Errorf("a hash as a record, swapped: %v", err)
				}
				if err := errors.Join(s.Touch(ctx, "n", time.Hour), s.Delete(ctx, "n")); err != nil {
					t.Errorf("a hash as a record: %v", err)
				}
			}
		})
	}
}

// keyOf returns the key of a value.
func keyOf(t *testing.T, client redis.UniversalClient, value []byte) string {
	t.Helper()
	find := func(ctx context.Context, c *redis.Client) string {
		keys, _ := c.Keys(ctx, "*").Result()
		for _, key := range keys {
			if got, _ := c.Get(ctx, key).Bytes(); string(got) == string(value) {
				return key
			}
		}
		return ""
	}
	found := make(chan string, 8)
	switch c := client.(type) {
	case *redis.ClusterClient:
		_ = c.ForEachMaster(t.Context(), func(ctx context.Context, c *redis.Client) error {
			if key := find(ctx, c); key != "" {
				found <- key
			}
			return nil
		})
	case *redis.Client:
		found <- find(t.Context(), c)
	}
	return <-found
}

// This package writes no lock without a TTL. One that another program has written would be held
// forever.
func TestE11_LockWithoutATTLIsTakenOver(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	if err := server.Client().Set(t.Context(), "l", "planted", 0).Err(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	release, err := record.NewRedis(server.Patient(), nil).Lock(ctx, "l")
	if err != nil {
		t.Fatal(err)
	}
	release()
}
