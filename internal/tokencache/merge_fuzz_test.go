package tokencache_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/tokencache"
)

// For any two caches, merging loses no entry and adds no other entry, and merging again changes nothing
// (threat G12).
func FuzzMerged(f *testing.F) {
	now := time.Unix(1_900_000_000, 0)
	one, two := cacheOf(f, now, "User.Read:1h:5m"), cacheOf(f, now, "User.Read:2h:1m", "Mail.Read:1h:0s")
	f.Add(one.Bytes(), two.Bytes())
	f.Add(two.Bytes(), one.Bytes())
	f.Add([]byte(`{"AccessToken":1}`), []byte(`{"AccessToken":{"a":{}}}`))
	f.Add([]byte(`{"AccessToken":{"a":{}},"x":[]}`), []byte(`{"x":{"b":1}}`))
	f.Add([]byte(`{"AccessToken":{"a":{"cached_at":"9"}}}`), []byte(`{"AccessToken":{"a":{"cached_at":"8"},"b":null}}`))
	f.Add([]byte("null"), []byte(""))
	f.Add([]byte(`{"a":{"\u00e4":1,"ä":2}}`), []byte(`{"a":{"":0}}`))
	f.Fuzz(func(t *testing.T, ours, theirs []byte) {
		merged, err := tokencache.Merged(ours, theirs)
		if err != nil {
			return
		}
		all := entriesOf(t, merged)
		first, second := entriesOf(t, ours), entriesOf(t, theirs)
		for key, value := range all {
			if !bytes.Equal(value, first[key]) && !bytes.Equal(value, second[key]) {
				t.Fatalf("%q is %s, which neither has:\n%s\n%s", key, value, ours, theirs)
			}
		}
		for _, source := range []map[[2]string][]byte{first, second} {
			for key := range source {
				if _, kept := all[key]; !kept {
					t.Fatalf("%q is lost:\n%s\n%s\n%s", key, ours, theirs, merged)
				}
			}
		}
		for _, other := range [][]byte{merged, ours} {
			if again, err := tokencache.Merged(merged, other); err != nil || !bytes.Equal(again, merged) {
				t.Fatalf("merged again with %s: %v\n%s\n%s", other, err, merged, again)
			}
		}
	})
}

// entriesOf returns the entries of a cache by section and key, as encoding/json reads them.
func entriesOf(t *testing.T, content []byte) map[[2]string][]byte {
	t.Helper()
	entries := map[[2]string][]byte{}
	if len(content) == 0 {
		return entries
	}
	var sections map[string]json.RawMessage
	if err := json.Unmarshal(content, &sections); err != nil {
		t.Fatalf("%s: %v", content, err)
	}
	for name, raw := range sections {
		var section map[string]json.RawMessage
		if json.Unmarshal(raw, &section) != nil {
			continue
		}
		for key, value := range section {
			entries[[2]string{name, key}] = slices.Clone(value)
		}
	}
	return entries
}
