package filestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/fibermsal/fibermsal/internal/record"
)

func openNew(t *testing.T) *Storage {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "sessions.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// keysIn returns the keys in a bucket.
func keysIn(t *testing.T, s *Storage, bucket []byte) (keys []string) {
	t.Helper()
	err := s.file.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(k, _ []byte) error {
			keys = append(keys, string(k))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestG24_DeletedAndExpiredValuesAreRemovedFromTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openNew(t)
		defer func() { _ = s.Close() }()
		b, ctx := s.Backend(), t.Context()
		for i := range 1000 {
			if _, err := b.Begin(ctx, &record.BeginParams{
				TTL: time.Hour, Entries: []record.Entry{{Key: fmt.Sprint("s", i), Value: []byte("v")}},
				Name: strconv.Itoa(i), Until: time.Now().Add(time.Hour), Lists: []record.List{{Key: "all"}},
			}); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(keysIn(t, s, valuesBucket)); n != 2000 {
			t.Fatalf("%d values", n)
		}
		if err := errors.Join(b.Touch(ctx, 3*time.Hour, "s1", "s2", "absent"), b.Delete(ctx, "s2", "absent"), b.Delist(ctx, "3", "all", "absent")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour + 2*time.Minute)
		if keys := keysIn(t, s, valuesBucket); len(keys) != 1 || keys[0] != "rs1" {
			t.Errorf("%d values: %.100v", len(keys), keys)
		}
		time.Sleep(2 * time.Hour)
		if n := len(keysIn(t, s, valuesBucket)) + len(keysIn(t, s, expiriesBucket)); n != 0 {
			t.Errorf("%d entries", n)
		}
	})
}

// The size of the file depends on the current sessions, and not on all sessions that ever existed.
func TestG24_FileStaysBounded(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	t.Cleanup(func() { _ = s.Close() })
	sizes := make([]int64, 0, 10)
	for generation := range 10 {
		var wait sync.WaitGroup
		for i := range 500 {
			wait.Go(func() {
				err := s.Backend().Set(t.Context(), fmt.Sprint(generation, ":", i), make([]byte, 3000), 10*time.Millisecond)
				if err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		<-time.After(10 * time.Millisecond)
		for s.file.changes.sweep() {
		}
		info, err := os.Stat(s.file.path)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, info.Size())
	}
	t.Logf("sizes: %v", sizes)
	if n := len(keysIn(t, s, valuesBucket)); n != 0 {
		t.Errorf("%d values", n)
	}
	if sizes[9] > 2*sizes[2] {
		t.Errorf("it grows: %v", sizes)
	}
}

func TestE11_DamagedValuesAreCorruptAndExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openNew(t)
		defer func() { _ = s.Close() }()
		b, ctx := s.Backend(), t.Context()
		for _, at := range []int{0, 5, 10} {
			key := fmt.Sprint("k", at)
			if err := b.Set(ctx, key, []byte("content"), time.Hour); err != nil {
				t.Fatal(err)
			}
			err := s.file.db.Update(func(tx *bolt.Tx) error {
				values := tx.Bucket(valuesBucket)
				stored := append([]byte(nil), values.Get([]byte("r"+key))...)
				stored[at] ^= 1
				return values.Put([]byte("r"+key), stored)
			})
			if err != nil {
				t.Fatal(err)
			}
			if v, err := b.Get(ctx, key); err != nil || v == nil || strings.Contains(string(v), "content") {
				t.Errorf("byte %d: %q, %v", at, v, err)
			}
			if swapped, err := b.Swap(ctx, key, []byte("content"), []byte("x"), time.Hour); swapped || err != nil {
				t.Errorf("byte %d: swapped, %v", at, err)
			}
		}
		time.Sleep(time.Hour + 2*time.Minute)
		if n := len(keysIn(t, s, valuesBucket)) + len(keysIn(t, s, expiriesBucket)); n != 0 {
			t.Errorf("%d entries", n)
		}
	})
}

// While a disk does not complete writes, callers give up after some time, reads are served, and changes
// whose callers have given up are not written later.
func TestG3_StalledDisk(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	t.Cleanup(func() { _ = s.Close() })
	b := s.Backend()
	if err := b.Set(t.Context(), "k", []byte("v"), time.Hour); err != nil {
		t.Fatal(err)
	}
	stall, err := s.file.db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		began := time.Now()
		err := b.Set(t.Context(), "first", []byte("v"), time.Hour)
		if took := time.Since(began); !errors.As(err, new(*record.RefusedError)) || took < timeLimit || took > 10*timeLimit {
			t.Errorf("%v after %v", err, took)
		}
		if err := b.Set(t.Context(), "second", []byte("v"), time.Hour); !errors.As(err, new(*record.RefusedError)) {
			t.Errorf("%v", err)
		}
	})
	wait.Go(func() {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := b.Delete(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) || errors.As(err, new(*record.RefusedError)) {
			t.Errorf("the caller's own deadline: %v", err)
		}
	})
	wait.Go(func() {
		if v, err := b.Get(t.Context(), "k"); string(v) != "v" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
	})
	wait.Wait()
	_ = stall.Rollback()
	if err := b.Set(t.Context(), "third", []byte("v"), time.Hour); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"k": "v", "first": "", "second": "", "third": "v"} {
		if v, err := b.Get(t.Context(), key); string(v) != want || err != nil {
			t.Errorf("%s: %q, %v", key, v, err)
		}
	}
}

// If pages of the file cannot be read, because the disk fails or the file was truncated, the result is
// an error and the process does not end.
func TestG23_UnreadablePagesAreErrors(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	for i := range 50 {
		if err := s.Backend().Set(t.Context(), strconv.Itoa(i), make([]byte, 20_000), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(s.file.path, 4*4096); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i := range 50 {
		if _, err := s.Backend().Get(t.Context(), strconv.Itoa(i)); err != nil {
			failed++
		}
	}
	if failed == 0 {
		t.Error("everything can be read")
	}
}
