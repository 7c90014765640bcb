package redistest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Keys returns the names of all keys, sorted.
func (s *Server) Keys() []string {
	s.tb.Helper()
	var keys []string
	all := s.client.Scan(context.Background(), 0, "*", 1000).Iterator()
	for all.Next(context.Background()) {
		keys = append(keys, all.Val())
	}
	if err := all.Err(); err != nil {
		s.tb.Fatalf("redistest: %v", err)
	}
	slices.Sort(keys)
	return slices.Compact(keys) // SCAN may return a key twice
}

// Dump returns the server's content as text, for tests that search it for forbidden data. It fails
// the test for each key that never expires (threat E9) and for types that it cannot read.
func (s *Server) Dump() []byte {
	s.tb.Helper()
	var dump bytes.Buffer
	for _, key := range s.Keys() {
		ttl, kind, value := s.read(key)
		if ttl == gone {
			continue
		}
		if ttl == endless {
			s.tb.Errorf("redis key %q (%s) never expires", key, kind)
		}
		fmt.Fprintf(&dump, "%s\t%s\t%v\t%s\n", key, kind, ttl, value)
	}
	return dump.Bytes()
}

// Written returns all commands that changed data, with their arguments, including data that has
// been overwritten or deleted since. It requires Start(t, "--appendonly", "yes").
func (s *Server) Written() []byte {
	s.tb.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "appendonlydir", "*.incr.aof"))
	if err != nil || len(files) == 0 {
		s.tb.Fatalf("redistest: no append-only file: %v", err)
	}
	var written []byte
	for _, file := range files {
		part, err := os.ReadFile(file)
		if err != nil {
			s.tb.Fatalf("redistest: %v", err)
		}
		written = append(written, part...)
	}
	return written
}

// The replies of PTTL for a key that expired after SCAN had returned it, and for a key without a TTL. Zero is the reply for
// a key that is about to expire.
const (
	gone    time.Duration = -2
	endless time.Duration = -1
)

func (s *Server) read(key string) (ttl time.Duration, kind, value string) {
	s.tb.Helper()
	ctx := context.Background()
	kind, err := s.client.Type(ctx, key).Result()
	if err == nil {
		value, err = content(ctx, s.client, kind, key)
	}
	if err == nil {
		// The TTL is read last, so that a key that expires meanwhile is gone and not empty.
		ttl, err = s.client.PTTL(ctx, key).Result()
	}
	if err != nil {
		s.tb.Fatalf("redistest: reading %q: %v", key, err)
	}
	return ttl, kind, value
}

func content(ctx context.Context, client *redis.Client, kind, key string) (string, error) {
	switch kind {
	case "none": // it expired
		return "", nil
	case "string":
		value, err := client.Get(ctx, key).Result()
		if errors.Is(err, redis.Nil) {
			return "", nil
		}
		return value, err
	case "hash":
		fields, err := client.HGetAll(ctx, key).Result()
		return fmt.Sprint(fields), err
	case "set":
		members, err := client.SMembers(ctx, key).Result()
		return fmt.Sprint(members), err
	case "zset":
		members, err := client.ZRangeWithScores(ctx, key, 0, -1).Result()
		return fmt.Sprint(members), err
	case "list":
		elements, err := client.LRange(ctx, key, 0, -1).Result()
		return fmt.Sprint(elements), err
	default:
		return "", fmt.Errorf("unexpected type %q", kind)
	}
}
