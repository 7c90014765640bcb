package filestore

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
)

// Enlist implements [record.Lists].
func (b *backend) Enlist(ctx context.Context, name string, until time.Time, lists ...record.List) ([]string, error) {
	var excess []string
	err := b.file.change(ctx, func(t *tree) (err error) {
		excess, err = t.enlist(name, until, lists)
		return err
	})
	if err != nil {
		return nil, err
	}
	return excess, nil
}

// Listed implements [record.Lists].
func (b *backend) Listed(ctx context.Context, lists ...string) (names []string, err error) {
	err = b.file.view(ctx, func(t *tree) { names = t.listed(lists...) })
	return names, err
}

// Delist implements [record.Lists].
func (b *backend) Delist(ctx context.Context, name string, lists ...string) error {
	return b.file.change(ctx, func(t *tree) error {
		for _, list := range lists {
			if err := t.remove(listKey(list, name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Mark implements [record.Lists], in memory: a sign-in that it concerns ends with this process.
func (b *backend) Mark(ctx context.Context, key string, ago time.Duration) error {
	if b.file.readOnly {
		return refused(errReadOnly) // or sessions would seem to have ended
	}
	return b.volatile.Mark(ctx, key, ago)
}

// Marked implements [record.Lists].
func (b *backend) Marked(ctx context.Context, keys ...string) (time.Duration, error) {
	return b.volatile.Marked(ctx, keys...)
}

// onList is the content of a name on a list.
var onList = []byte{1}

// enlist adds a name to lists, and returns what exceeds the limit of the first.
func (t *tree) enlist(name string, until time.Time, lists []record.List) (excess []string, err error) {
	for i, list := range lists {
		if err := t.put(listKey(list.Key, name), record.TimedValue{Content: onList, ExpiresAt: until}); err != nil {
			return nil, err
		}
		if i == 0 && list.Max > 0 {
			excess = beyond(t.listed(list.Key), list, name)
		}
	}
	return excess, nil
}

// beyond returns the names that exceed the limit of a list, those that expire first.
func beyond(names []string, list record.List, added string) []string {
	limit := list.Max
	if list.Newest {
		names, limit = slices.DeleteFunc(names, func(name string) bool { return name == added }), limit-1
	}
	if len(names) <= limit {
		return nil
	}
	excess := names[limit:]
	slices.Reverse(excess)
	return excess
}

// listed returns the names on lists that have not expired, those that expire last first.
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
