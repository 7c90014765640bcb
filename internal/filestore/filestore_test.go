package filestore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/fibermsal/fibermsal/internal/filestore"
	"github.com/fibermsal/fibermsal/internal/record"
)

// newPath returns the path of a file that does not exist.
func newPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "data", "sessions.db")
}

// open opens a file until the end of the test.
func open(t *testing.T, path string, o filestore.Options) *filestore.Storage {
	t.Helper()
	s, err := filestore.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpen_EverythingSurvivesARestart(t *testing.T) {
	t.Parallel()
	path, ctx := newPath(t), t.Context()
	s := open(t, path, filestore.Options{})
	b := s.Backend()
	_, err := b.Begin(ctx, &record.BeginParams{
		TTL: time.Hour, Entries: []record.Entry{{Key: "t", Value: []byte("tokens")}, {Key: "s", Value: []byte("session")}},
		Name: "n", Until: time.Now().Add(time.Hour), Lists: []record.List{{Key: "user", Max: 5}, {Key: "all"}},
	})
	must(t, err)
	_, err = b.Claim(ctx, "claimed", "one", time.Hour)
	must(t, err)
	must(t, b.Set(ctx, "short", []byte("lived"), 50*time.Millisecond))
	must(t, s.Set("csrf", []byte("of a middleware"), 0))
	must(t, s.Close())
	<-time.After(50 * time.Millisecond)

	s = open(t, path, filestore.Options{})
	b = s.Backend()
	for key, want := range map[string]string{"s": "session", "t": "tokens", "claimed": "one", "short": "", "csrf": ""} {
		if got, err := b.Get(ctx, key); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", key, got, err)
		}
	}
	if ttl, err := b.TTL(ctx, "s"); err != nil || ttl > time.Hour || ttl < 50*time.Minute {
		t.Errorf("TTL %v, %v", ttl, err)
	}
	if claimed, err := b.Claim(ctx, "claimed", "two", time.Hour); claimed || err != nil {
		t.Errorf("claimed again: %v", err)
	}
	for _, list := range []string{"user", "all"} {
		if names, err := b.Listed(ctx, list); err != nil || !slices.Equal(names, []string{"n"}) {
			t.Errorf("%s: %v, %v", list, names, err)
		}
	}
	if v, err := s.Get("csrf"); err != nil || string(v) != "of a middleware" {
		t.Errorf("%q, %v", v, err)
	}
}

// The app's own middlewares, whose keys visitors may choose, neither see nor remove records.
func TestE7_ValuesOfMiddlewaresAreSeparate(t *testing.T) {
	t.Parallel()
	s := open(t, newPath(t), filestore.Options{})
	b := s.Backend()
	must(t, b.Set(t.Context(), "k", []byte("record"), time.Hour))
	if v, err := s.Get("k"); v != nil || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	buffer := []byte("value")
	must(t, s.Set("k", buffer, time.Hour))
	copy(buffer, "used again")
	must(t, s.Set("", []byte("x"), time.Hour))
	must(t, s.Set("empty", nil, time.Hour))
	if v, err := s.Get("k"); string(v) != "value" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	must(t, s.Delete("k"))
	must(t, s.Set("k", []byte("again"), time.Hour))
	must(t, s.Reset())
	if v, err := s.Get("k"); v != nil || err != nil {
		t.Errorf("after Reset: %q, %v", v, err)
	}
	if v, err := b.Get(t.Context(), "k"); string(v) != "record" || err != nil {
		t.Errorf("the record: %q, %v", v, err)
	}
}

func TestOpen_OneProcessAtATime(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path, filestore.Options{})
	began := time.Now()
	_, err := filestore.Open(path, filestore.Options{Wait: 200 * time.Millisecond})
	if !errors.As(err, new(*filestore.InUseError)) || strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "stop the app") {
		t.Errorf("%v", err)
	}
	if waited := time.Since(began); waited < 100*time.Millisecond {
		t.Errorf("waited %v only", waited)
	}
	busy := open(t, path, filestore.Options{Examine: true})
	if !busy.State().InUse {
		t.Errorf("%+v", busy.State())
	}
	if _, err := busy.Backend().Get(t.Context(), "k"); !errors.As(err, new(*filestore.InUseError)) {
		t.Errorf("%v", err)
	}
	if err := busy.Set("k", []byte("v"), 0); !errors.As(err, new(*filestore.InUseError)) {
		t.Errorf("%v", err)
	}
	time.AfterFunc(100*time.Millisecond, func() { _ = s.Close() }) // the next version starts
	next := open(t, path, filestore.Options{Wait: 10 * time.Second})
	if state := next.State(); state != (record.FileState{Path: path}) {
		t.Errorf("%+v", state)
	}
}

func TestOpen_ClosedStorageReturnsErrors(t *testing.T) {
	t.Parallel()
	s := open(t, newPath(t), filestore.Options{})
	must(t, s.Close())
	must(t, s.Close())
	if _, err := s.Backend().Get(t.Context(), "k"); err == nil {
		t.Error("read")
	}
	if err := s.Backend().Set(t.Context(), "k", []byte("v"), time.Hour); err == nil {
		t.Error("written")
	}
}

func TestOpen_DamagedFilesAreErrorsAndStayAsTheyAre(t *testing.T) {
	t.Parallel()
	whole := newPath(t)
	must(t, open(t, whole, filestore.Options{}).Close())
	content, err := os.ReadFile(whole)
	must(t, err)
	other := newPath(t)
	must(t, os.Mkdir(filepath.Dir(other), 0o700))
	db, err := bolt.Open(other, 0o600, nil)
	must(t, err)
	must(t, db.Close())
	foreign, err := os.ReadFile(other)
	must(t, err)
	for name, row := range map[string]struct {
		content []byte
		says    string
	}{
		"garbage":         {bytes.Repeat([]byte("garbage "), 4096), "damaged"},
		"short":           {[]byte("x"), "damaged"},
		"cut off":         {content[:len(content)/2], "damaged"},
		"zeros":           {make([]byte, len(content)), "damaged"},
		"another program": {foreign, "another program"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "sessions.db")
			must(t, os.WriteFile(path, row.content, 0o600))
			s, err := filestore.Open(path, filestore.Options{})
			if err == nil {
				_ = s.Close()
			}
			if err == nil && row.says != "" || err != nil && (!strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), path)) {
				t.Errorf("%v", err)
			}
			if left, err := os.ReadFile(path); row.says != "" && (err != nil || !bytes.Equal(left, row.content)) {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
}

// unwritable opens files so that every write to them fails, although they were opened for writing.
func unwritable(name string, _ int, mode os.FileMode) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY, mode)
}

// readOnly opens files as on a file system that was mounted for reading.
func readOnly(name string, flag int, mode os.FileMode) (*os.File, error) {
	if flag&os.O_RDWR != 0 {
		return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrPermission}
	}
	return os.OpenFile(name, flag, mode)
}

func TestG5_WhatCannotBeWrittenCanBeRead(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		open     func(string, int, os.FileMode) (*os.File, error)
		readOnly bool
	}{
		"writes fail":           {unwritable, false},
		"read-only file system": {readOnly, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, ctx := newPath(t), t.Context()
			s := open(t, path, filestore.Options{})
			must(t, s.Backend().Set(ctx, "k", []byte("v"), time.Hour))
			must(t, s.Close())
			s = open(t, path, filestore.Options{OpenFile: row.open})
			b := s.Backend()
			for range 20 {
				if v, err := b.Get(ctx, "k"); string(v) != "v" || err != nil {
					t.Fatalf("%q, %v", v, err)
				}
				_, swapErr := b.Swap(ctx, "k", []byte("v"), []byte("w"), time.Hour)
				for name, err := range map[string]error{
					"set": b.Set(ctx, "new", []byte("v"), time.Hour), "delete": b.Delete(ctx, "k"),
					"touch": b.Touch(ctx, time.Hour, "k"), "swap": swapErr,
				} {
					if !errors.As(err, new(*record.RefusedError)) {
						t.Fatalf("%s: %v", name, err)
					}
				}
			}
			if err := b.Delete(ctx, "absent"); (err != nil) != row.readOnly { // nothing to write
				t.Errorf("%v", err)
			}
			if s.State().ReadOnly != row.readOnly {
				t.Errorf("%+v", s.State())
			}
		})
	}
}

func TestState_NoticesThatTheFileWasReplaced(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path, filestore.Options{})
	must(t, os.Rename(path, path+".bak"))
	if !s.State().Missing {
		t.Errorf("removed: %+v", s.State())
	}
	must(t, os.WriteFile(path, []byte("another"), 0o600))
	if !s.State().Missing {
		t.Errorf("replaced: %+v", s.State())
	}
}

// Changes that are requested at the same time share a transaction. None is lost or made twice.
func TestBackend_ManyCallersAtTheSameTime(t *testing.T) {
	t.Parallel()
	path, ctx := newPath(t), t.Context()
	s := open(t, path, filestore.Options{})
	b := s.Backend()
	must(t, b.Set(ctx, "n", []byte("0"), time.Hour))
	var wait sync.WaitGroup
	for i := range 64 {
		wait.Go(func() {
			if err := b.Set(ctx, fmt.Sprint("k", i), []byte("v"), time.Hour); err != nil {
				t.Error(err)
			}
			for {
				n, err := b.Get(ctx, "n")
				if err != nil {
					t.Error(err)
					return
				}
				swapped, err := b.Swap(ctx, "n", n, append(bytes.Clone(n), '.'), time.Hour)
				if err != nil {
					t.Error(err)
				}
				if swapped || err != nil {
					return
				}
			}
		})
	}
	wait.Wait()
	must(t, s.Close())
	b = open(t, path, filestore.Options{}).Backend()
	if n, err := b.Get(ctx, "n"); err != nil || bytes.Count(n, []byte(".")) != 64 {
		t.Errorf("%s, %v", n, err)
	}
	for i := range 64 {
		if v, err := b.Get(ctx, fmt.Sprint("k", i)); err != nil || v == nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// A key of the wrong size fails its own caller only.
func TestBackend_ChangeThatFailsDoesNotFailOthers(t *testing.T) {
	t.Parallel()
	b := open(t, newPath(t), filestore.Options{}).Backend()
	var wait sync.WaitGroup
	for i := range 32 {
		wait.Go(func() {
			key, fails := fmt.Sprint("k", i), i%4 == 0
			if fails {
				key = strings.Repeat(key, 1<<15)
			}
			if err := b.Set(t.Context(), key, []byte("v"), time.Hour); (err != nil) != fails {
				t.Errorf("%d: %v", i, err)
			}
			if v, err := b.Get(t.Context(), key); err != nil || (v == nil) != fails {
				t.Errorf("%d: %q, %v", i, v, err)
			}
		})
	}
	wait.Wait()
}

func TestBackend_EndedContext(t *testing.T) {
	t.Parallel()
	b := open(t, newPath(t), filestore.Options{}).Backend()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		if err := b.Set(ctx, "k", []byte("v"), time.Hour); !errors.Is(err, context.Canceled) {
			t.Fatalf("%v", err)
		}
	}
	if _, err := b.Get(ctx, "k"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
