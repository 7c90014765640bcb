// Package record keeps sealed records in a storage shared with others.
//
// A record opens only under the key it was written to, as the kind it was
// written as, and for the client id it belongs to (threats E2, E13): a
// storage that mixes up replies, or an attacker who copies values about, gets
// nothing. Every record has a life greater than zero (E9).
package record

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// Kind is what a record is.
type Kind string

// The kinds of records. A session and its tokens are two records, because one
// is read by every request and the other only changes with a refresh.
const (
	Session Kind = "s"
	Tokens  Kind = "t"
)

// IDSize is the entropy of a session id in bytes (threat D6).
const IDSize = 32

var (
	// ErrNotFound says that there is no such record.
	ErrNotFound = errors.New("record: not found")
	// ErrChanged says that somebody else has changed the record.
	ErrChanged = errors.New("record: changed by somebody else")
	// ErrCorrupt says that what is stored does not open here as this record.
	ErrCorrupt = errors.New("record: corrupt")
	// ErrEnded says that a session was ended before it had begun.
	ErrEnded = errors.New("record: ended before it began")
	// ErrUnknownKey says that the record is sealed with a key that this
	// instance does not hold, and must be left alone.
	ErrUnknownKey = sealed.ErrUnknownKey
)

// Store reads and writes records. It is immutable and safe for concurrent use.
type Store struct {
	backend  Backend
	ring     *sealed.Ring
	clientID string
	prefix   string
	turns    *locks
}

// NewStore makes a store for one registration on a backend.
func NewStore(backend Backend, ring *sealed.Ring, clientID string) *Store {
	app := sha256.Sum256([]byte(clientID))
	return &Store{
		backend: backend, ring: ring, clientID: clientID, turns: newLocks(),
		prefix: "fm:" + base64.RawURLEncoding.EncodeToString(app[:6]) + ":",
	}
}

// ids are how cookies spell ids: each has one spelling.
var ids = base64.RawURLEncoding.Strict()

// Name is the name of a session's records: a hash of its id. The id itself,
// which is the cookie's value, is never stored and never a storage key
// (threat D3). Every request that asks who somebody is comes here, so that all but
// the name stays on the stack.
func Name(id string) (name string, ok bool) {
	var raw [IDSize]byte
	if len(id) != ids.EncodedLen(IDSize) {
		return "", false
	}
	if n, err := ids.Decode(raw[:], []byte(id)); err != nil || n != IDSize {
		return "", false
	}
	sum := sha256.Sum256(raw[:])
	var text [(sha256.Size*8 + 5) / 6]byte
	ids.Encode(text[:], sum[:])
	return string(text[:]), true
}

// key puts a session's records onto one slot of a Redis Cluster.
func (s *Store) key(name string, kind Kind) string {
	return s.prefix + "{" + name + "}:" + string(kind)
}

// Sealed returns a record as it is stored, [ErrNotFound], or [ErrCorrupt] if what is there
// cannot be a record.
func (s *Store) Sealed(ctx context.Context, name string, kind Kind) ([]byte, error) {
	box, err := s.backend.Get(ctx, s.key(name, kind))
	switch {
	case isWrongType(err):
		return nil, ErrCorrupt
	case err == nil && len(box) == 0:
		return nil, ErrNotFound
	}
	return box, err
}

// Open opens what Sealed returned for the same name and kind.
func (s *Store) Open(name string, kind Kind, box []byte) ([]byte, error) {
	plaintext, err := s.ring.Open(box, s.context(name, kind))
	if errors.Is(err, sealed.ErrCorrupt) {
		return nil, ErrCorrupt
	}
	return plaintext, err
}

// Get returns a record's content, or [ErrNotFound], [ErrCorrupt] or
// [ErrUnknownKey].
func (s *Store) Get(ctx context.Context, name string, kind Kind) ([]byte, error) {
	box, err := s.Sealed(ctx, name, kind)
	if err != nil {
		return nil, err
	}
	return s.Open(name, kind, box)
}

// Put writes a record. Empty content, or a life that has ended, removes it:
// storages ignore the one and take the other for eternity (threats E9, E10).
func (s *Store) Put(ctx context.Context, name string, kind Kind, content []byte, ttl time.Duration) error {
	key := s.key(name, kind)
	if len(content) == 0 || ttl <= 0 {
		return s.backend.Delete(ctx, key)
	}
	return s.backend.Set(ctx, key, s.seal(name, kind, content), atLeastASecond(ttl))
}

// Creation is a new session's content and how it is found.
type Creation struct {
	Session, Tokens []byte
	TTL             time.Duration
	// Until, Most and Labels are as for Enlist.
	Until  time.Time
	Most   int
	Labels []Label
	// Began is when what leads to the session began, by this process's monotonic clock.
	// A mark on one of the labels, or on the record's part and one of the scopes, that was
	// put since refuses it.
	Began  time.Time
	Scopes []Label
}

// Create writes a new session's records and enlists them, and returns what Enlist does. The
// tokens go first, so that no session is ever seen without. A life that has ended creates
// nothing. It returns [ErrEnded] if the session has ended before it began: what was written
// is then the caller's to remove.
func (s *Store) Create(ctx context.Context, name string, c *Creation) (excess []string, err error) {
	if c.TTL <= 0 {
		return nil, nil
	}
	if time.Since(c.Began) >= MarkLife {
		return nil, ErrEnded // a mark may have been put and gone
	}
	var entries []Entry
	if len(c.Tokens) > 0 { // storages ignore empty values (threat E10)
		entries = append(entries, Entry{s.key(name, Tokens), s.seal(name, Tokens, c.Tokens)})
	}
	entries = append(entries, Entry{s.key(name, Session), s.seal(name, Session, c.Session)})
	marks, sent := s.marksOf(name, c.Labels, c.Scopes), time.Since(c.Began)
	begun, err := s.backend.Begin(ctx, &Beginning{
		TTL: atLeastASecond(c.TTL), Entries: entries, Name: name, Until: c.Until,
		Lists: s.listsOf(name, c.Most, true, c.Labels), Marks: marks,
	})
	if err == nil {
		err = s.refuseMarked(ctx, c.Began, sent, begun.Marked, marks)
	}
	return begun.Excess, err
}

// looksAtMarks is how often marks are looked at that were put within a round trip of what
// they are about.
const looksAtMarks = 4

// refuseMarked returns [ErrEnded] if a mark was put after a moment. The mark's age is that
// at some time between the sending of the question, when the moment was so long ago, and
// now: who cannot be told to be later is refused, however long the reply took.
func (s *Store) refuseMarked(ctx context.Context, moment time.Time, sent, marked time.Duration, marks []string) (err error) {
	for look := 1; ; look++ {
		age := time.Since(moment)
		switch {
		case age >= MarkLife:
			return ErrEnded
		case marked >= age:
			return nil
		case marked < sent || look == looksAtMarks:
			return ErrEnded
		}
		sent = time.Since(moment)
		if marked, err = s.backend.Marked(ctx, marks...); err != nil {
			return err
		}
	}
}

// Swap changes a record if what is stored still is the box it was made from. It
// returns [ErrChanged] if it is another, and [ErrNotFound] if the record is gone: what
// a sign-out deleted stays deleted.
func (s *Store) Swap(ctx context.Context, name string, kind Kind, old, content []byte, ttl time.Duration) error {
	key := s.key(name, kind)
	swapped, err := s.backend.Swap(ctx, key, old, s.seal(name, kind, content), atLeastASecond(ttl))
	if isWrongType(err) {
		return ErrNotFound // the record is gone, whatever has taken its place
	}
	if err != nil || swapped {
		return err
	}
	if _, err := s.Sealed(ctx, name, kind); err != nil {
		return err
	}
	return ErrChanged
}

// Lock waits until nobody else, on any instance, changes the records of a name.
func (s *Store) Lock(ctx context.Context, name string) (release func(), err error) {
	return s.backend.Lock(ctx, s.key(name, "l"))
}

// Turn waits until nobody else in this process has the turn of a name. Whoever has it
// meets only other processes in Swap, which are few: without, many would keep on
// overtaking each other.
func (s *Store) Turn(ctx context.Context, name string) (done func(), err error) {
	return s.turns.Lock(ctx, name)
}

// Touch lets all records of a name live for ttl from now, if they exist.
func (s *Store) Touch(ctx context.Context, name string, ttl time.Duration) error {
	if ttl <= 0 {
		return s.Delete(ctx, name)
	}
	return s.backend.Touch(ctx, atLeastASecond(ttl), s.key(name, Session), s.key(name, Tokens))
}

// Life is how long a record will live, and 0 if the storage does not tell.
func (s *Store) Life(ctx context.Context, name string, kind Kind) (time.Duration, error) {
	return s.backend.Life(ctx, s.key(name, kind))
}

// Delete removes all records of a name.
func (s *Store) Delete(ctx context.Context, name string) error {
	return s.backend.Delete(ctx, s.key(name, Session), s.key(name, Tokens))
}

// Claim takes something that can be taken only once, on behalf of claimant, and
// reports whether the claimant has it.
func (s *Store) Claim(ctx context.Context, what, claimant string, ttl time.Duration) (bool, error) {
	sum := sha256.Sum256([]byte(what))
	key := s.prefix + "u:" + base64.RawURLEncoding.EncodeToString(sum[:])
	return s.backend.Claim(ctx, key, claimant, atLeastASecond(ttl))
}

func (s *Store) seal(name string, kind Kind, content []byte) []byte {
	return s.ring.Seal(content, s.context(name, kind))
}

func (s *Store) context(name string, kind Kind) []byte {
	return sealed.Context("record", string(kind), s.key(name, kind), s.clientID)
}

// atLeastASecond is for storages that count whole seconds and take zero for
// eternity.
func atLeastASecond(ttl time.Duration) time.Duration {
	return max(ttl, time.Second)
}
