// Package record keeps sealed records in a storage shared with other programs.
//
// A record opens only under the storage key to which it was written, as the kind as which it was
// written, and for the client ID to which it belongs (threats E2, E13). Therefore it does no harm if a
// storage swaps replies or an attacker copies values to other keys. Every record has a TTL greater than
// zero (E9).
package record

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

var (
	// ErrNotFound means that the record does not exist.
	ErrNotFound = errors.New("record: not found")
	// ErrChanged means that another writer has changed the record.
	ErrChanged = errors.New("record: changed by another writer")
	// ErrCorrupt means that the stored value does not open as this record.
	ErrCorrupt = errors.New("record: corrupt")
	// ErrEnded means that a session was ended before it had begun.
	ErrEnded = errors.New("record: ended before it began")
	// ErrUnknownKey means that the record is sealed with a key that this instance does not have. The
	// record must not be changed.
	ErrUnknownKey = sealed.ErrUnknownKey
)

// Store reads and writes records. It is immutable and safe for concurrent use.
type Store struct {
	backend  Backend
	ring     *sealed.Ring
	clientID string
	prefix   string
}

// appPrefix is the prefix of all keys in the storage, because other programs may share it.
const appPrefix = "fm:"

// NewStore returns a Store for one app registration on a backend.
func NewStore(backend Backend, ring *sealed.Ring, clientID string) *Store {
	app := sha256.Sum256([]byte(clientID))
	return &Store{
		backend: backend, ring: ring, clientID: clientID,
		prefix: appPrefix + base64.RawURLEncoding.EncodeToString(app[:6]) + ":",
	}
}

// key returns the storage key of a record. The records of a session share a slot of a Redis Cluster.
func (s *Store) key(name string, kind Kind) string {
	return s.prefix + "{" + name + "}:" + string(kind)
}

// Sealed returns a record as it is stored, [ErrNotFound], or [ErrCorrupt] if the stored value
// cannot be a record.
func (s *Store) Sealed(ctx context.Context, name string, kind Kind) ([]byte, error) {
	ciphertext, err := s.backend.Get(ctx, s.key(name, kind))
	switch {
	case isWrongType(err):
		return nil, ErrCorrupt
	case err == nil && len(ciphertext) == 0:
		return nil, ErrNotFound
	}
	return ciphertext, err
}

// Open opens the result of Sealed for the same name and kind.
func (s *Store) Open(name string, kind Kind, ciphertext []byte) ([]byte, error) {
	plaintext, err := s.ring.Open(ciphertext, s.sealContext(name, kind))
	if errors.Is(err, sealed.ErrCorrupt) {
		return nil, ErrCorrupt
	}
	return plaintext, err
}

// Get returns a record's content, or [ErrNotFound], [ErrCorrupt] or [ErrUnknownKey].
func (s *Store) Get(ctx context.Context, name string, kind Kind) ([]byte, error) {
	ciphertext, err := s.Sealed(ctx, name, kind)
	if err != nil {
		return nil, err
	}
	return s.Open(name, kind, ciphertext)
}

// Put writes a record. If the content is empty or the TTL is not positive, it removes the record,
// because storages ignore empty values and treat a TTL of zero as no expiry (threats E9, E10).
func (s *Store) Put(ctx context.Context, name string, kind Kind, content []byte, ttl time.Duration) error {
	key := s.key(name, kind)
	if len(content) == 0 || ttl <= 0 {
		return s.backend.Delete(ctx, key)
	}
	return s.backend.Set(ctx, key, s.seal(name, kind, content), atLeastASecond(ttl))
}

// Swap replaces a record if the stored value is still old. It returns [ErrChanged] if there is another
// value, and [ErrNotFound] if the record no longer exists, so that a sign-out is final.
func (s *Store) Swap(ctx context.Context, name string, kind Kind, old, content []byte, ttl time.Duration) error {
	key := s.key(name, kind)
	swapped, err := s.backend.Swap(ctx, key, old, s.seal(name, kind, content), atLeastASecond(ttl))
	if isWrongType(err) {
		return ErrNotFound // another program has replaced the record
	}
	if err != nil || swapped {
		return err
	}
	if _, err := s.Sealed(ctx, name, kind); err != nil {
		return err
	}
	return ErrChanged
}

// Lock waits until no other caller in any instance holds the lock of a name.
func (s *Store) Lock(ctx context.Context, name string) (release func(), err error) {
	return s.backend.Lock(ctx, s.key(name, "l"))
}

// LockWrites waits until no other caller in any instance holds this second lock of a name. Callers
// whose Swap has failed hold it while they retry; without it, many callers would keep overtaking each
// other. It is separate from the lock of Lock, which is held during calls to Entra.
func (s *Store) LockWrites(ctx context.Context, name string) (release func(), err error) {
	return s.backend.Lock(ctx, s.key(name, "w"))
}

// Touch sets the TTL of the existing records of a name.
func (s *Store) Touch(ctx context.Context, name string, ttl time.Duration) error {
	if ttl <= 0 {
		return s.Delete(ctx, name)
	}
	return s.backend.Touch(ctx, atLeastASecond(ttl), s.key(name, Session), s.key(name, Tokens))
}

// TTL returns the remaining lifetime of a record, or 0 if it is unknown.
func (s *Store) TTL(ctx context.Context, name string, kind Kind) (time.Duration, error) {
	return s.backend.TTL(ctx, s.key(name, kind))
}

// Delete removes all records of a name.
func (s *Store) Delete(ctx context.Context, name string) error {
	return s.backend.Delete(ctx, s.key(name, Session), s.key(name, Tokens))
}

// Claim claims something that can be claimed only once, and reports whether the claimant has it.
func (s *Store) Claim(ctx context.Context, subject, claimant string, ttl time.Duration) (bool, error) {
	sum := sha256.Sum256([]byte(subject))
	key := s.prefix + "u:" + base64.RawURLEncoding.EncodeToString(sum[:])
	return s.backend.Claim(ctx, key, claimant, atLeastASecond(ttl))
}

func (s *Store) seal(name string, kind Kind, content []byte) []byte {
	if kind == Tokens { // several kilobytes
		return s.ring.SealPacked(content, s.sealContext(name, kind))
	}
	return s.ring.Seal(content, s.sealContext(name, kind))
}

func (s *Store) sealContext(name string, kind Kind) []byte {
	return sealed.Context("record", string(kind), s.key(name, kind), s.clientID)
}

// unguarded returns the backend behind the circuit breakers.
func (s *Store) unguarded() Backend {
	if g, ok := s.backend.(*Guarded); ok {
		return g.inner
	}
	return s.backend
}
