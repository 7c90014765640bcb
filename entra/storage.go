package entra

import "time"

// Storage is what a Config needs of a storage. The storages of Fiber v2 and v3 implement it.
//
// Its methods are called concurrently. A call must see what earlier calls have written. An error,
// or a panic, of one of them means that the storage failed: requests that need it get
// [ErrUnavailable], and after five failures in a row the storage is called only every 200 ms
// until it succeeds. A call has no deadline, so the storage must limit its time. If it has the
// methods GetWithContext, SetWithContext and DeleteWithContext, as Fiber's storages for v3 have,
// these are called instead, with the context of the request.
//
// If a storage has a method Conn() redis.UniversalClient, Redis is used directly, with locks
// among instances, shared round trips and one command to end a session on all instances. A storage
// of package embedded offers as much to a single process. With
// any other storage, some guarantees hold within one process only; docs/production.md lists them.
type Storage interface {
	// Get returns the value of a key, or nil without an error if there is none. The value is
	// not modified.
	Get(key string) ([]byte, error)
	// Set stores a value, which may contain any bytes, in place of a present one. The ttl is at
	// least a second. A storage may ignore it, because the value contains its expiry and is
	// deleted when it is read after that.
	Set(key string, value []byte, ttl time.Duration) error
	// Delete removes a key. It returns nil if there is none.
	Delete(key string) error
	// Reset is part of Fiber's storages, and is never called.
	Reset() error
	// Close is called by the app, and not by the library.
	Close() error
}
