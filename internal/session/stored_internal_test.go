package session

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

// storedVersion is a file of testdata/stored: what an earlier version stored.
type storedVersion struct {
	ClientID string            `json:"client_id"`
	Key      []byte            `json:"key"`
	Cookie   string            `json:"cookie"`
	Records  map[string][]byte `json:"records"`
	Session  json.RawMessage   `json:"session"` // what is in the sealed record
}

// A field with another JSON tag would sign all users out at the next deployment. The test is inside the
// package, because not every field is visible outside.
func TestStored_EveryFieldOfAnEarlierVersionIsRead(t *testing.T) {
	t.Parallel()
	versions, err := filepath.Glob("../../testdata/stored/*.json")
	if err != nil || len(versions) == 0 {
		t.Fatal("no version", err)
	}
	for _, file := range versions {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			var version storedVersion
			content, err := os.ReadFile(file)
			if err != nil || json.Unmarshal(content, &version) != nil {
				t.Fatal("the file is not readable", err)
			}
			s := version.read(t)
			later := map[string]bool{"Session.Origin": true} // not stored by d6e1a25
			if s.Token != nil || s.User.ClientID != "" || s.User.AppOnly || s.User.Agent {
				t.Error("a record has what only access tokens have")
			}
			assertComplete(t, reflect.ValueOf(*s), later)
			var fields, want any
			again, err := json.Marshal(s)
			if err != nil || json.Unmarshal(again, &fields) != nil || json.Unmarshal(version.Session, &want) != nil || !reflect.DeepEqual(fields, want) {
				t.Errorf("the session is now\n%s\nand was\n%s", again, version.Session)
			}
		})
	}
}

// read opens the record of the session whose cookie is in the file.
func (v *storedVersion) read(t *testing.T) *Session {
	t.Helper()
	keys, err := sealed.NewRing([][]byte{v.Key}, "records")
	if err != nil {
		t.Fatal(err)
	}
	id, _ := record.SessionID(v.Cookie)
	store := NewStore(NewCache(1<<20), Options{Records: record.NewStore(nil, keys, v.ClientID)})
	for key, value := range v.Records {
		if strings.HasSuffix(key, "{"+id+"}:"+string(record.Session)) {
			s, err := store.parse(id, value)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	t.Fatal("the file has no record of the session")
	return nil
}

// assertComplete fails if a field is empty, so that a field that is not read is noticed.
func assertComplete(t *testing.T, v reflect.Value, except map[string]bool) {
	t.Helper()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		switch {
		case except[v.Type().Name()+"."+field.Name], field.Tag.Get("json") == "-":
		case v.Field(i).IsZero():
			t.Errorf("%s.%s was not read", v.Type().Name(), field.Name)
		case field.Type == reflect.TypeFor[Identity]():
			assertComplete(t, v.Field(i), except)
		}
	}
}
