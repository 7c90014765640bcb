package record

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// A Label is a property by which records are found, such as their user. The storage contains only a
// keyed hash of it, so without the keys, a list can neither be attributed to a user nor found.
type Label []byte

// NewLabel returns the label for the kind of a property and its value.
func NewLabel(kind string, value ...string) Label {
	return sealed.Context(append([]string{"label", kind}, value...)...)
}

// Shards is the number of lists that together contain all records.
const Shards = 256

// shardOf returns the label of the shard that contains a record.
func shardOf(name string) Label {
	sum := sha256.Sum256([]byte(name))
	return shard(int(sum[0]))
}

func shard(i int) Label { return NewLabel("all", hex.EncodeToString([]byte{byte(i)})) } //nolint:gosec // below 256

// lists returns the storage keys of a label's list, one for each key of the ring in its order. They
// share a slot of a Cluster, which reveals 16 bits of the label's hash.
func (s *Store) lists(label Label) []string {
	var keys []string
	for _, sum := range s.ring.Sums(label) {
		keys = append(keys, s.prefix+"i:{"+slotTag(label)+"}:"+base64.RawURLEncoding.EncodeToString(sum[:18]))
	}
	return keys
}

// slotTag puts all keys of a label into one slot of a Cluster.
func slotTag(label Label) string {
	hash := sha256.Sum256(label)
	return hex.EncodeToString(hash[:2])
}

// Enlist adds a record to the list of each label and to its shard, until the given time. If the first
// label's list exceeds limit, it returns the excess names, which are those that expire first. They stay
// listed until they are delisted.
func (s *Store) Enlist(ctx context.Context, name string, until time.Time, limit int, labels ...Label) (excess []string, err error) {
	return s.backend.Enlist(ctx, name, until, s.listsOf(name, limit, false, labels)...)
}

// listsOf returns the lists to which a record is added: the lists of its labels, of which only the
// first is limited, and its shard.
func (s *Store) listsOf(name string, limit int, newest bool, labels []Label) []List {
	lists := make([]List, 0, len(labels)+1)
	for _, label := range labels {
		lists = append(lists, List{Key: s.lists(label)[0], Max: limit, Newest: newest})
		limit = 0 // several users may share a mail address and must not end each other's sessions
	}
	return append(lists, List{Key: s.lists(shardOf(name))[0]})
}

// listsOfNew returns the lists to which a new record is added, with the marks that can refuse it.
func (s *Store) listsOfNew(name string, c *Creation) []List {
	lists := s.listsOf(name, c.Max, true, c.Labels)
	for i, label := range c.Labels {
		lists[i].Marks = s.marks(label, nil)[:1]
	}
	shard, all := shardOf(name), &lists[len(lists)-1]
	all.Marks = s.marks(shard, nil)[:1]
	for _, scope := range c.Scopes {
		all.Marks = append(all.Marks, s.marks(shard, scope)[0])
	}
	for _, label := range c.Own {
		lists = append(lists, List{Key: s.lists(label)[0], New: true})
	}
	return lists
}

// Listed returns the names of a label's records, newest first. Some of the records may no longer exist.
func (s *Store) Listed(ctx context.Context, label Label) ([]string, error) {
	return s.backend.Listed(ctx, s.lists(label)...)
}

// Delist removes a record from its lists.
func (s *Store) Delist(ctx context.Context, name string, labels ...Label) error {
	var lists []string
	for _, label := range append(labels, shardOf(name)) {
		lists = append(lists, s.lists(label)...)
	}
	return s.backend.Delist(ctx, name, lists...)
}

// Shards returns the number of shards, over which all records are distributed.
func (s *Store) Shards() int { return Shards }

// ListedIn returns the names of the records in a shard. Some of the records may no longer exist.
func (s *Store) ListedIn(ctx context.Context, i int) ([]string, error) {
	return s.Listed(ctx, shard(i))
}

// MustRelist reports whether records must be enlisted again from time to time, because the lists change
// when keys change, or because the lists are in the memory of this process.
func (s *Store) MustRelist() bool {
	_, plain := s.unguarded().(*Plain)
	return plain || len(s.ring.Sums(nil)) > 1
}

// Mark makes Create refuse records of a label that began before the mark, which has the age ago. To end
// all listed records, mark first and list afterwards, so that no record is missed that is about to be
// listed.
func (s *Store) Mark(ctx context.Context, label Label, ago time.Duration) error {
	return s.mark(ctx, label, nil, ago)
}

// MarkShard is like Mark, but for the records in a shard or, if scope is not nil, for those of them
// with the scope in their Creation.
func (s *Store) MarkShard(ctx context.Context, i int, scope Label, ago time.Duration) error {
	return s.mark(ctx, shard(i), scope, ago)
}

func (s *Store) mark(ctx context.Context, label, scope Label, ago time.Duration) error {
	if ago >= MarkTTL {
		return nil // Create refuses records that began so long ago even without a mark
	}
	for _, key := range s.marks(label, scope) {
		if err := s.backend.Mark(ctx, key, ago); err != nil {
			return err
		}
	}
	return nil
}

// marks returns the storage keys of a label's mark, one for each key of the ring in its order. They are
// in the slot of the label's list.
func (s *Store) marks(label, scope Label) []string {
	var keys []string
	for _, sum := range s.ring.Sums(append(NewLabel("mark", string(scope)), label...)) {
		keys = append(keys, s.prefix+"n:{"+slotTag(label)+"}:"+base64.RawURLEncoding.EncodeToString(sum[:18]))
	}
	return keys
}
