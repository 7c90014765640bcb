package session

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

// Any data that this version, an earlier or a later one has sealed as a session is read without a
// panic. A session always has a user, and can be written and read again without changes.
func FuzzSessionRecord(f *testing.F) {
	ring, err := sealed.NewRing([][]byte{bytes.Repeat([]byte{1, 2}, 16)}, "test")
	if err != nil {
		f.Fatal(err)
	}
	records := record.NewStore(record.NewMemory(), ring, "client")
	store := NewStore(NewCache(1<<20), Options{Records: records})
	for _, seed := range []string{
		`{"user":{"tid":"t","oid":"o","sub":"s","upn":"u","mail":"m@x","roles":["r"],"values":{"a":1},"signed_in_at":"2030-01-01T00:00:00Z","expires_at":"2030-01-02T00:00:00Z"},"account":"o.t","sid":"s","scopes":["User.Read"],"acrs":{"c1":"2030-01-01T00:00:00Z"},"groups":["g"]}`,
		`{}`, `null`, `[]`, `{"user":{"oid":""}}`, `{"user":{"oid":"o"}}`, `{"user":{"oid":"o","values":{"a":null}}}`, `{"USER":{"OID":"o"}}`, `{"user":{"oid":"o","expires_at":"x"}}`,
		`{"user":{"oid":"o"},"acrs":null,"auth_time":"0001-01-01T00:00:00Z"}`, `{"user":{"oid":"o"}}x`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := throughStorage(t, store, content)
		if err != nil {
			if s != nil {
				t.Fatalf("%q: a session and %v", content, err)
			}
			return
		}
		if s.User.ID == "" || s.Token != nil {
			t.Fatalf("%q is a session: %+v", content, s)
		}
		s.HasAuthContext("C1")
		s.markedLabels()
		s.expired()
		clone := *s
		clone.User = *s.User.Clone()
		if clone.AuthContexts == nil {
			clone.AuthContexts = map[string]time.Time{}
		}
		clone.Inherit(s)
		first, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("%q cannot be written again: %v", content, err)
		}
		again, err := throughStorage(t, store, first)
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		if second, err := json.Marshal(again); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s\nbecame\n%s", first, second)
		}
	})
}

// throughStorage writes the content of a record and parses it.
func throughStorage(t *testing.T, store *Store, content []byte) (*Session, error) {
	t.Helper()
	const id = "session"
	if err := store.Records.Put(t.Context(), id, record.Session, content, time.Hour); err != nil {
		t.Fatal(err)
	}
	value, err := store.Records.Sealed(t.Context(), id, record.Session)
	if err != nil {
		return nil, err
	}
	return store.parse(id, value)
}
