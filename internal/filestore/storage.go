package filestore

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
)

// Storage implements the storage interfaces of Fiber v2 and v3, for the app's own middlewares. Their
// values are separate from the records.
type Storage struct {
	file    *file
	backend *backend
}

func newStorage(f *file) *Storage {
	return &Storage{f, &backend{f, record.NewMemory()}}
}

// Backend returns the backend for records.
func (s *Storage) Backend() record.Backend { return s.backend }

// Key returns the key that is kept next to the file. The first call creates it.
func (s *Storage) Key() ([]byte, error) { return s.file.key() }

// State examines the file.
func (s *Storage) State() record.FileState { return s.file.state() }

func appKey(key string) []byte { return []byte(appKeys + key) }

// Get returns the value of a key, or nil if there is none.
func (s *Storage) Get(key string) ([]byte, error) {
	return s.GetWithContext(context.Background(), key)
}

// GetWithContext is like Get.
func (s *Storage) GetWithContext(ctx context.Context, key string) (value []byte, err error) {
	err = s.file.view(ctx, func(t *tree) { value = bytes.Clone(t.live(appKey(key)).Content) })
	return value, err
}

// Set stores a value, which never expires if ttl is 0. Empty keys and values are ignored, as
// Fiber's storages do.
func (s *Storage) Set(key string, value []byte, ttl time.Duration) error {
	return s.SetWithContext(context.Background(), key, value, ttl)
}

// SetWithContext is like Set.
func (s *Storage) SetWithContext(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if key == "" || len(value) == 0 {
		return nil
	}
	// Fiber reuses the memory of the arguments.
	own, v := appKey(key), record.TimedValue{Content: bytes.Clone(value)}
	if ttl > 0 {
		v.ExpiresAt = time.Now().Add(ttl)
	}
	return s.file.change(ctx, func(t *tree) error { return t.put(own, v) })
}

// Delete removes a value.
func (s *Storage) Delete(key string) error {
	return s.DeleteWithContext(context.Background(), key)
}

// DeleteWithContext is like Delete.
func (s *Storage) DeleteWithContext(ctx context.Context, key string) error {
	own := appKey(key)
	return s.file.change(ctx, func(t *tree) error { return t.remove(own) })
}

// Reset removes the values of the app's own middlewares. Users stay signed in.
func (s *Storage) Reset() error { return s.ResetWithContext(context.Background()) }

// ResetWithContext is like Reset.
func (s *Storage) ResetWithContext(ctx context.Context) error {
	return s.file.change(ctx, func(t *tree) error {
		var all [][]byte
		cursor := t.values.Cursor()
		for key, _ := cursor.Seek([]byte(appKeys)); bytes.HasPrefix(key, []byte(appKeys)); key, _ = cursor.Next() {
			all = append(all, bytes.Clone(key))
		}
		var errs []error
		for _, key := range all {
			errs = append(errs, t.remove(key))
		}
		return errors.Join(errs...)
	})
}

// Close closes the file after the current calls have ended.
func (s *Storage) Close() error { return s.file.close() }
