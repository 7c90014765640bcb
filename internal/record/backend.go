package record

import (
	"context"
	"time"
)

// Backend is where records lie. All methods are safe for concurrent use; an
// error always means that the storage failed, never that something is absent.
type Backend interface {
	Lists
	// Get returns nil for an absent key. The bytes may be kept, but not changed: others
	// may have them, too.
	Get(ctx context.Context, key string) ([]byte, error)
	// Set writes a value that lives for ttl, which is more than zero.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// Begin writes values in their order, then enlists a name as [Lists] does, if there are
	// lists, and then looks at marks.
	Begin(ctx context.Context, b *Beginning) (Begun, error)
	// Swap replaces the value of a key if it still is old, and reports whether it
	// was. Two boxes are never equal, so the bytes are a version. The key's life
	// does not change where the storage can keep it, and is ttl elsewhere.
	Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error)
	// Touch lets those of the keys that exist live for ttl from now. All are on one
	// slot of a Cluster, here as in Delete.
	Touch(ctx context.Context, ttl time.Duration, keys ...string) error
	// Delete removes keys; absent ones are no error.
	Delete(ctx context.Context, keys ...string) error
	// Life is how long a key will live, and 0 if that is not known or it is absent.
	Life(ctx context.Context, key string) (time.Duration, error)
	// Claim writes value if the key is absent, and reports whether the key now
	// holds it: true also when this very value was there before, as after a
	// retry whose first reply was lost (threat G7).
	Claim(ctx context.Context, key, value string, ttl time.Duration) (bool, error)
	// Lock waits until nobody else holds the key, or until ctx ends. The lock is
	// kept until it is released, but lost if this process stops for longer than
	// its life: what is written under it must be written by Swap.
	Lock(ctx context.Context, key string) (release func(), err error)
}

// Entry is a value under a key.
type Entry struct {
	Key   string
	Value []byte
}
