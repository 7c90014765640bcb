package filestore

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
)

// listKey returns the key of a name on a list or, with an empty name, the common prefix of all names on
// it. A list's key may contain any bytes, so its length comes first.
func listKey(list, name string) []byte {
	key := binary.BigEndian.AppendUint16([]byte(listKeys), uint16(len(list))) //nolint:gosec // below 100 bytes
	return append(append(key, list...), name...)
}

// onList is the content of a name on a list.
var onList = []byte{1}

// enlist adds a name to lists and returns the names that exceed the limit of the first list.
func (t *tree) enlist(name string, until time.Time, lists []record.List) (excess []string, err error) {
	for i, list := range lists {
		if err := t.put(listKey(list.Key, name), record.TimedValue{Content: onList, ExpiresAt: until}); err != nil {
			return nil, err
		}
		if i == 0 && list.Max > 0 {
			excess = list.Excess(t.listed(list.Key), name)
		}
	}
	return excess, nil
}

// listed returns the names on lists that have not expired, beginning with those that expire last.
func (t *tree) listed(lists ...string) []string {
	expiries := make(map[string]time.Time)
	cursor := t.values.Cursor()
	for _, list := range lists {
		prefix := listKey(list, "")
		for key, _ := cursor.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = cursor.Next() {
			name, v := string(key[len(prefix):]), t.live(key)
			if v.ExpiresAt.After(expiries[name]) {
				expiries[name] = v.ExpiresAt
			}
		}
	}
	return slices.SortedFunc(maps.Keys(expiries), func(a, b string) int {
		return cmp.Or(expiries[b].Compare(expiries[a]), cmp.Compare(a, b))
	})
}
