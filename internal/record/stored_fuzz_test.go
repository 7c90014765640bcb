package record_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

// For any data that an attacker writes into the storage, only the record that the library wrote at this
// key can be opened (threats E2, E13). Other data must not cause an error that ends sessions.
func FuzzStoredValue(f *testing.F) {
	ring, err := sealed.NewRing([][]byte{bytes.Repeat([]byte{1, 2}, 16)}, "test")
	if err != nil {
		f.Fatal(err)
	}
	const name, content = "session", "the content"
	written := newEternal()
	for _, kind := range []record.Kind{record.Session, record.Tokens} {
		store := record.NewStore(record.NewPlain(written), ring, "client")
		if err := store.Put(context.Background(), name, kind, []byte(content), time.Hour); err != nil {
			f.Fatal(err)
		}
	}
	key, session := written.storedAt(record.Session)
	_, tokens := written.storedAt(record.Tokens)
	for _, seed := range [][]byte{
		session, tokens, session[:len(session)-1], session[13:], session[:13],
		{},
		{0},
		{0xF1},
		bytes.Repeat([]byte{0xF1}, 20),
		append(bytes.Clone(session), 0), record.TimedValue{Content: tokens, ExpiresAt: time.Unix(1, 0)}.Encode(), record.TimedValue{Content: session[13:]}.Encode(),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		e := newEternal()
		e.values[key] = value
		store, ctx := record.NewStore(record.NewPlain(e), ring, "client"), t.Context()
		got, err := store.Get(ctx, name, record.Session)
		if err == nil && string(got) != content {
			t.Fatalf("%x is read as %q", value, got)
		}
		if err != nil && !errors.Is(err, record.ErrNotFound) && !errors.Is(err, record.ErrCorrupt) && !errors.Is(err, record.ErrUnknownKey) {
			t.Fatalf("%x: %v", value, err)
		}
		if got, err := store.Get(ctx, name, record.Tokens); !errors.Is(err, record.ErrNotFound) {
			t.Fatalf("%x: another record is %q, %v", value, got, err)
		}
		v := record.DecodeTimed(value)
		if again := record.DecodeTimed(v.Encode()); v.Content != nil && !v.ExpiresAt.IsZero() && (!bytes.Equal(again.Content, v.Content) || !again.ExpiresAt.Equal(v.ExpiresAt)) {
			t.Fatalf("%x: %+v becomes %+v", value, v, again)
		}
		if err := store.Touch(ctx, name, time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := store.Swap(ctx, name, record.Session, v.Content, []byte("new"), time.Minute); err == nil && len(v.Content) == 0 {
			t.Fatalf("%x: nothing was replaced", value)
		}
	})
}

// storedAt returns the key and the value of a record.
func (e *eternal) storedAt(kind record.Kind) (key string, value []byte) {
	for key, value := range e.values {
		if strings.HasSuffix(key, "}:"+string(kind)) {
			return key, value
		}
	}
	return "", nil
}

// Entries of lists are not encrypted. Any entry can be forged, and none may cause a panic.
func FuzzListed(f *testing.F) {
	for _, entry := range []string{"", " ", "name", "name id id2", "=", "= ", "=app id origin", "=app id origin more", "=  ", "\x00 \xff"} {
		f.Add(entry)
	}
	ring, err := sealed.NewRing([][]byte{bytes.Repeat([]byte{1, 2}, 16)}, "test")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, entry string) {
		backend := &listing{Memory: record.NewMemory(), entry: entry}
		store := record.NewStore(backend, ring, "client")
		instances, seals, err := record.SealsIn(store).Read(t.Context())
		if err != nil || len(instances)+len(seals) > 1 {
			t.Fatalf("%q: %v, %v, %v", entry, instances, seals, err)
		}
		for _, s := range seals {
			if s.Own { // nobody knows how an app is written here
				t.Fatalf("%q is an own seal", entry)
			}
		}
	})
}

// listing lists one entry.
type listing struct {
	*record.Memory
	entry string
}

func (l *listing) Listed(context.Context, ...string) ([]string, error) { return []string{l.entry}, nil }
