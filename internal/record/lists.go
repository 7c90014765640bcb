package record

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// Lists are where the names of records lie, to be found by what they are about. A name
// stays listed until an end of its own. Methods are safe for concurrent use; an error
// means that the storage failed.
type Lists interface {
	// Enlist puts a name on lists until then, and returns which names the first of them
	// dropped for it. The lists need not be on one slot of a Cluster.
	Enlist(ctx context.Context, name string, until time.Time, lists ...List) (dropped []string, err error)
	// Listed returns the names on lists, those that end last first. The lists are on
	// one slot of a Cluster.
	Listed(ctx context.Context, lists ...string) ([]string, error)
	// Delist takes a name off lists.
	Delist(ctx context.Context, name string, lists ...string) error
}

// List is where a name is put. The names that end last stay on it, so many as Most, or
// all for 0.
type List struct {
	Key  string
	Most int
}

// A Label is what records are found by, such as a user. On the storage it is a keyed
// hash: nobody without the keys can tell whose list it is, or name it.
type Label []byte

// NewLabel makes a label of a kind of thing and what it is.
func NewLabel(kind string, parts ...string) Label {
	return sealed.Context(append([]string{"label", kind}, parts...)...)
}

// shards are how many lists all records are spread over.
const shards = 256

// shardOf is the list of all records that one is on.
func shardOf(name string) Label {
	sum := sha256.Sum256([]byte(name))
	return shard(int(sum[0]))
}

func shard(i int) Label { return NewLabel("all", hex.EncodeToString([]byte{byte(i)})) } //nolint:gosec // below 256

// lists are the names of a label's list under each key of the ring, the first key's
// first. They share a slot of a Cluster, and tell 16 bits of the label's plain hash for
// it.
func (s *Store) lists(label Label) []string {
	plain := sha256.Sum256(label)
	var names []string
	for _, sum := range s.ring.Sums(label) {
		names = append(names, s.prefix+"i:{"+hex.EncodeToString(plain[:2])+"}:"+base64.RawURLEncoding.EncodeToString(sum[:18]))
	}
	return names
}

// Enlist makes a record findable until then, by each label and among all. Of a label's
// records the newest stay, so many as most; the names of those that the first label
// dropped are returned.
func (s *Store) Enlist(ctx context.Context, name string, until time.Time, most int, labels ...Label) (dropped []string, err error) {
	dropped, err = s.backend.Enlist(ctx, name, until, s.listsOf(name, most, labels)...)
	if len(labels) == 0 {
		dropped = nil // of all records, which are not bounded
	}
	return dropped, err
}

// listsOf are where a record is put: under its labels, and among all.
func (s *Store) listsOf(name string, most int, labels []Label) []List {
	lists := make([]List, 0, len(labels)+1)
	for _, label := range labels {
		lists = append(lists, List{s.lists(label)[0], most})
	}
	return append(lists, List{Key: s.lists(shardOf(name))[0]})
}

// Listed returns the names of a label's records, the newest first. Some may be gone.
func (s *Store) Listed(ctx context.Context, label Label) ([]string, error) {
	return s.backend.Listed(ctx, s.lists(label)...)
}

// Delist makes a record no longer findable.
func (s *Store) Delist(ctx context.Context, name string, labels ...Label) error {
	var lists []string
	for _, label := range append(labels, shardOf(name)) {
		lists = append(lists, s.lists(label)...)
	}
	return s.backend.Delist(ctx, name, lists...)
}

// Shards is how many parts all records are in.
func (s *Store) Shards() int { return shards }

// ListedIn returns the names of the records in a part. Some may be gone.
func (s *Store) ListedIn(ctx context.Context, part int) ([]string, error) {
	return s.Listed(ctx, shard(part))
}

// ListsFade reports whether a record must be listed again from time to time: because
// the keys, and so the lists, change, or because the lists are this process's.
func (s *Store) ListsFade() bool {
	_, plain := bare(s.backend).(*Plain)
	return plain || len(s.ring.Sums(nil)) > 1
}

// bare is the backend behind the breaker.
func bare(b Backend) Backend {
	if g, ok := b.(*Guarded); ok {
		return g.Backend
	}
	return b
}

// memoryLists are Lists of this process.
type memoryLists struct {
	mu    sync.Mutex
	lists map[string]map[string]time.Time
}

func newMemoryLists() *memoryLists {
	return &memoryLists{lists: make(map[string]map[string]time.Time)}
}

// Enlist implements [Lists].
func (m *memoryLists) Enlist(_ context.Context, name string, until time.Time, lists ...List) (dropped []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, list := range lists {
		if m.lists[list.Key] == nil {
			m.lists[list.Key] = make(map[string]time.Time)
		}
		m.lists[list.Key][name] = until
		names := m.alive(list.Key)
		if list.Most == 0 || len(names) <= list.Most {
			continue
		}
		for _, old := range names[list.Most:] {
			delete(m.lists[list.Key], old)
		}
		if i == 0 {
			dropped = names[list.Most:]
		}
	}
	return dropped, nil
}

// Listed implements [Lists].
func (m *memoryLists) Listed(_ context.Context, lists ...string) (names []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, list := range lists {
		for _, name := range m.alive(list) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// Delist implements [Lists].
func (m *memoryLists) Delist(_ context.Context, name string, lists ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, list := range lists {
		delete(m.lists[list], name)
		if len(m.lists[list]) == 0 {
			delete(m.lists, list)
		}
	}
	return nil
}

// alive are the names on a list whose end has not come, the latest first.
func (m *memoryLists) alive(list string) []string {
	now := time.Now()
	maps.DeleteFunc(m.lists[list], func(_ string, until time.Time) bool { return !now.Before(until) })
	return slices.SortedFunc(maps.Keys(m.lists[list]), func(a, b string) int {
		return cmp.Or(m.lists[list][b].Compare(m.lists[list][a]), cmp.Compare(a, b))
	})
}

// enlist prunes, bounds and prolongs a list in the same step. The list lives as long as
// the last of its names.
var enlist = redis.NewScript(`
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", ARGV[3])
redis.call("ZADD", KEYS[1], ARGV[2], ARGV[1])
local dropped = {}
local most = tonumber(ARGV[4])
if most > 0 then
  local over = redis.call("ZCARD", KEYS[1]) - most
  if over > 0 then
    dropped = redis.call("ZRANGE", KEYS[1], 0, over - 1)
    redis.call("ZREMRANGEBYRANK", KEYS[1], 0, over - 1)
  end
end
local last = redis.call("ZRANGE", KEYS[1], -1, -1, "WITHSCORES")
redis.call("PEXPIREAT", KEYS[1], last[2])
return dropped`)

// Enlist implements [Lists], in one round trip once Redis knows the script.
func (r *Redis) Enlist(ctx context.Context, name string, until time.Time, lists ...List) (dropped []string, err error) {
	listing := newListing(name, until, lists)
	_, err = r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		listing.queue(ctx, p)
		return nil
	})
	return listing.settle(ctx, r.client, err)
}

// listing is a name on its way to lists, as a part of a pipeline.
type listing struct {
	name       string
	until, now time.Time
	lists      []List
	replies    []*redis.Cmd
}

func newListing(name string, until time.Time, lists []List) *listing {
	return &listing{name, until, time.Now(), lists, make([]*redis.Cmd, len(lists))}
}

func (l *listing) queue(ctx context.Context, p redis.Pipeliner) {
	for i, list := range l.lists {
		l.replies[i] = enlist.EvalSha(ctx, p, []string{list.Key}, l.arguments(list)...)
	}
}

func (l *listing) arguments(list List) []any {
	return []any{l.name, l.until.UnixMilli(), l.now.UnixMilli(), list.Most}
}

// settle takes the pipeline's error, gives Redis the script if it does not know it, and
// returns what the first list dropped.
func (l *listing) settle(ctx context.Context, client redis.UniversalClient, err error) (dropped []string, _ error) {
	if err != nil && !redis.HasErrorPrefix(err, "NOSCRIPT") {
		return nil, err
	}
	for i, list := range l.lists {
		// One that ran must not run again: what it dropped would be forgotten.
		if redis.HasErrorPrefix(l.replies[i].Err(), "NOSCRIPT") {
			l.replies[i] = enlist.Run(ctx, client, []string{list.Key}, l.arguments(list)...)
		}
		if err := l.replies[i].Err(); err != nil {
			return nil, err
		}
	}
	if len(l.lists) == 0 {
		return nil, nil
	}
	return l.replies[0].StringSlice()
}

// Listed implements [Lists] in one command.
func (r *Redis) Listed(ctx context.Context, lists ...string) (names []string, err error) {
	found, err := r.client.ZUnionWithScores(ctx, redis.ZStore{Keys: lists, Aggregate: "MAX"}).Result()
	if err != nil {
		return nil, err
	}
	now := float64(time.Now().UnixMilli())
	for _, z := range slices.Backward(found) {
		if name, ok := z.Member.(string); ok && z.Score > now {
			names = append(names, name)
		}
	}
	return names, nil
}

// Delist implements [Lists] in one round trip.
func (r *Redis) Delist(ctx context.Context, name string, lists ...string) error {
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, list := range lists {
			p.ZRem(ctx, list, name)
		}
		return nil
	})
	return err
}
