package entra

import "time"

// Storage stores sessions and tokens. The storages of Fiber v2 and v3 implement it.
//
// Its methods are called concurrently. A call must see what earlier calls have written. If a method
// returns an error or panics, the storage is considered to have failed: requests that need it get
// [ErrUnavailable], and after five failures in a row the storage is called only every 200 ms until a
// call succeeds. Calls have no deadline, so the storage must limit their duration itself. If it has the
// methods GetWithContext, SetWithContext and DeleteWithContext, as Fiber v3's storages do, these are
// called instead, with the context of the request.
//
// If a storage has a method Conn() redis.UniversalClient, Redis is used directly, with locks between
// instances, shared round trips, and a single command that ends a session on all instances. A storage
// from package embedded gives the same guarantees to a single process. With any other storage, some
// guarantees hold within one process only; docs/production.md lists them.
type Storage interface {
	// Get returns the value of a key, or nil without an error if there is none. The caller does not
	// modify the value.
	Get(key string) ([]byte, error)
	// Set stores a value under a key and replaces any previous value. The value may contain any bytes.
	// The ttl is at least a second. A storage may ignore the ttl, because the value contains its expiry
	// and is deleted when it is read later.
	Set(key string, value []byte, ttl time.Duration) error
	// Delete removes a key. It returns nil if there is none.
	Delete(key string) error
	// Reset is part of Fiber's storages, and is never called.
	Reset() error
	// Close is called by the app, never by the library.
	Close() error
}
