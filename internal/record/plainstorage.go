package record

import (
	"context"
	"time"
)

// Storage is the part of fiber.Storage that records need. If it also has the methods …WithContext of
// Fiber v3, these are called instead.
type Storage interface {
	Get(key string) ([]byte, error)
	Set(key string, value []byte, ttl time.Duration) error
	Delete(key string) error
}

// contextStorage is a storage whose methods take a context.
type contextStorage interface {
	GetWithContext(ctx context.Context, key string) ([]byte, error)
	SetWithContext(ctx context.Context, key string, value []byte, ttl time.Duration) error
	DeleteWithContext(ctx context.Context, key string) error
}

// withContext returns a storage as a contextStorage. Contexts are ignored if the storage has no such methods.
func withContext(s Storage) contextStorage {
	if c, ok := s.(contextStorage); ok {
		return c
	}
	return ignoresContext{s}
}

type ignoresContext struct{ Storage }

// GetWithContext implements contextStorage.
func (s ignoresContext) GetWithContext(_ context.Context, key string) ([]byte, error) {
	return s.Get(key)
}

// SetWithContext implements contextStorage.
func (s ignoresContext) SetWithContext(_ context.Context, key string, value []byte, ttl time.Duration) error {
	return s.Set(key, value, ttl)
}

// DeleteWithContext implements contextStorage.
func (s ignoresContext) DeleteWithContext(_ context.Context, key string) error {
	return s.Delete(key)
}
