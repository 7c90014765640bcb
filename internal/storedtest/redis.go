package storedtest

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// RedisFile is the data that a version has left in Redis. Sessions and tokens in it end in a hundred years,
// because a real Redis does not live in virtual time.
type RedisFile struct {
	Origin
	ClientID string `json:"client_id"`
	TenantID string `json:"tenant_id"`
	// Keys are those of one instance. Another instance has them in reverse order.
	Keys     [][]byte       `json:"keys"`
	Sessions []RedisSession `json:"sessions"`
	// App is the app that the sessions belong to, if the version recorded it.
	App string `json:"app,omitempty"`
	// Redeemed is the ID of the attempt of a sign-in that was completed, which earlier versions used
	// as its state.
	Redeemed string `json:"redeemed_state"`
	// Instances are the names of the instances that ran.
	Instances []string `json:"instances"`
	// Locked is the ID of the session whose lock an instance holds.
	Locked string `json:"locked"`
	// Ended are users whose sessions were ended, if the version refuses sign-ins in progress.
	Ended   *Ended       `json:"ended,omitempty"`
	Entries []RedisEntry `json:"entries"`
}

// RedisSession is a session and how it can be found.
type RedisSession struct {
	Cookie  string `json:"cookie"`
	UPN     string `json:"upn"`
	UserID  string `json:"user_id"`
	Mail    string `json:"mail"`
	EntraID string `json:"sid"`
}

// Ended are the arguments of EndSessions in separate calls, and the ID of a session that no call
// lets begin.
type Ended struct {
	UserID   string `json:"user_id"`
	Mail     string `json:"mail"`
	TenantID string `json:"tenant_id"`
	Session  string `json:"session"`
}

// RedisEntry is a key in Redis with its value: a string, or the members of a sorted set.
type RedisEntry struct {
	Key   string `json:"key"`
	TTL   int64  `json:"ttl_ms"`
	Value []byte `json:"value,omitempty"`
	// Age is how many microseconds before the time of Redis a value is that is a time.
	Age     int64              `json:"age_us,omitempty"`
	Members map[string]float64 `json:"members,omitempty"`
}

// Dump reads all entries with the given keys.
func Dump(tb testing.TB, client *redis.Client, keys []string) (entries []RedisEntry) {
	tb.Helper()
	for _, key := range keys {
		e, err := dump(tb.Context(), client, key)
		if err == nil {
			err = e.makeRelative(tb.Context(), client)
		}
		if err != nil {
			tb.Fatalf("storedtest: %s: %v", key, err)
		}
		entries = append(entries, e)
	}
	return entries
}

// makeRelative replaces a value that is a time by its age, because it is read much later.
func (e *RedisEntry) makeRelative(ctx context.Context, client *redis.Client) error {
	at, err := strconv.ParseInt(string(e.Value), 10, 64)
	if err != nil || at < time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() {
		return nil //nolint:nilerr // not a time
	}
	now, err := client.Time(ctx).Result()
	e.Value, e.Age = nil, now.UnixMicro()-at
	return err
}

func dump(ctx context.Context, client *redis.Client, key string) (RedisEntry, error) {
	e := RedisEntry{Key: key}
	kind, err := client.Type(ctx, key).Result()
	if err != nil {
		return e, err
	}
	switch kind {
	case "string":
		e.Value, err = client.Get(ctx, key).Bytes()
	case "zset":
		var members []redis.Z
		members, err = client.ZRangeWithScores(ctx, key, 0, -1).Result()
		e.Members = make(map[string]float64)
		for _, z := range members {
			e.Members[fmt.Sprint(z.Member)] = z.Score
		}
	default:
		err = fmt.Errorf("unexpected type %q", kind)
	}
	if err != nil {
		return e, err
	}
	ttl, err := client.PTTL(ctx, key).Result()
	e.TTL = ttl.Milliseconds()
	return e, err
}

// Restore empties a Redis and writes the entries of a file into it.
func (f *RedisFile) Restore(tb testing.TB, client *redis.Client) {
	tb.Helper()
	now, err := client.Time(tb.Context()).Result()
	if err != nil {
		tb.Fatalf("storedtest: %v", err)
	}
	_, err = client.Pipelined(tb.Context(), func(p redis.Pipeliner) error {
		p.FlushDB(tb.Context())
		for _, e := range f.Entries {
			e.write(tb.Context(), p, now)
		}
		return nil
	})
	if err != nil {
		tb.Fatalf("storedtest: %v", err)
	}
}

func (e *RedisEntry) write(ctx context.Context, p redis.Pipeliner, now time.Time) {
	switch {
	case e.Age > 0:
		p.Set(ctx, e.Key, now.UnixMicro()-e.Age, 0)
	case e.Members == nil:
		p.Set(ctx, e.Key, e.Value, 0)
	}
	for member, score := range e.Members {
		p.ZAdd(ctx, e.Key, redis.Z{Member: member, Score: score})
	}
	p.PExpire(ctx, e.Key, time.Duration(e.TTL)*time.Millisecond)
}
