package record_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

func TestStore_RecordsOfAName(t *testing.T) {
	t.Parallel()
	ring, err := sealed.NewRing([][]byte{bytes.Repeat([]byte{1, 2}, 16)}, "test")
	if err != nil {
		t.Fatal(err)
	}
	memory := record.NewMemory()
	s, ctx := record.NewStore(memory, ring, "client"), t.Context()
	if _, err := s.Get(ctx, "n", record.Session); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("absent: %v", err)
	}
	if err := s.Swap(ctx, "n", record.Session, nil, []byte("x"), time.Minute); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("swap of an absent one: %v", err)
	}
	for _, kind := range []record.Kind{record.Session, record.Tokens} {
		if err := s.Put(ctx, "n", kind, []byte(kind), time.Minute); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(ctx, "n", kind); err != nil || string(got) != string(kind) {
			t.Errorf("%q, %v", got, err)
		}
	}
	current, err := s.Sealed(ctx, "n", record.Session)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []error{nil, record.ErrChanged} {
		if err := s.Swap(ctx, "n", record.Session, current, []byte("x"), time.Minute); !errors.Is(err, want) {
			t.Errorf("swap: %v, want %v", err, want)
		}
	}
	if _, err := record.NewStore(memory, ring, "another").Get(ctx, "n", record.Session); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("another app: %v", err)
	}
	for name, end := range map[string]func() error{
		"empty content": func() error { return s.Put(ctx, "n", record.Session, nil, time.Minute) },
		"no TTL":        func() error { return s.Put(ctx, "n", record.Tokens, []byte("x"), 0) },
	} {
		if err := end(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := memory.Len(); n != 0 {
		t.Errorf("%d records left", n)
	}
}

func TestSessionID(t *testing.T) {
	t.Parallel()
	token := strings.Repeat("A", 43)
	if id, ok := record.SessionID(token); !ok || id == token || len(id) != 43 {
		t.Errorf("%q, %v", id, ok)
	}
	for _, token := range []string{"", "A", strings.Repeat("A", 42), strings.Repeat("A", 44), strings.Repeat("A", 42) + "B", strings.Repeat("A", 42) + "\n", strings.Repeat("+", 43)} {
		if _, ok := record.SessionID(token); ok {
			t.Errorf("%q is accepted as a token", token)
		}
	}
}
