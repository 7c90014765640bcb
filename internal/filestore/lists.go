package filestore

import (
	"bytes"
	"context"
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

// Mark implements [record.Lists], in memory, because the sign-ins that it concerns end with this process.
func (b *backend) Mark(ctx context.Context, key string, ago time.Duration) error {
	if b.file.readOnly {
		return refused(errReadOnly) // otherwise sessions would appear to have ended
	}
	return b.volatile.Mark(ctx, key, ago)
}

// Marked implements [record.Lists].
func (b *backend) Marked(ctx context.Context, keys ...string) (time.Duration, error) {
	return b.volatile.Marked(ctx, keys...)
}

// maxFound is how many keys Search visits at most. All of them are in memory at the same time.
const maxFound = 10_000

// Search implements [record.Searchable].
func (b *backend) Search(ctx context.Context, visit func(key string) (more bool, err error)) error {
	var keys []string
	err := b.file.view(ctx, func(t *tree) {
		cursor := t.values.Cursor()
		for key, _ := cursor.Seek([]byte(recordKeys)); bytes.HasPrefix(key, []byte(recordKeys)); key, _ = cursor.Next() {
			if name := string(key[len(recordKeys):]); record.IsSessionKey(name) && len(keys) < maxFound {
				keys = append(keys, name)
			}
		}
	})
	for _, key := range keys { // after the transaction, because visit begins another one
		more, visitErr := visit(key)
		if visitErr != nil || !more {
			return visitErr
		}
	}
	return err
}
