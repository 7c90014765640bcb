package record

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// Lists are where the names of records lie, to be found by what they are about. A name
// stays listed until an end of its own. Methods are safe for concurrent use; an error
// means that the storage failed.
type Lists interface {
	// Enlist puts a name on lists until then. It returns the names that the first list
	// holds beyond its bound, those that end first. They stay listed until the caller has
	// ended and delisted them: if the reply is lost, the next one repeats them (threat
	// G7). The lists need not be on one slot of a Cluster.
	Enlist(ctx context.Context, name string, until time.Time, lists ...List) (excess []string, err error)
	// Listed returns the names on lists, those that end last first. The lists are on
	// one slot of a Cluster.
	Listed(ctx context.Context, lists ...string) ([]string, error)
	// Delist takes a name off lists.
	Delist(ctx context.Context, name string, lists ...string) error
	// Mark marks a key as of some time ago, unless it has a later mark.
	Mark(ctx context.Context, key string, ago time.Duration) error
	// Marked returns how long ago the latest mark on any of the keys was put, at least, or
	// [Never].
	Marked(ctx context.Context, keys ...string) (ago time.Duration, err error)
}

// List is where a name is put. Most is how many names it should have, or 0 for any
// number. Newest says that the name has just begun, so that it has a place whatever its
// end is: names of an instance with other settings, or another clock, may all end later.
type List struct {
	Key    string
	Most   int
	Newest bool
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
	var names []string
	for _, sum := range s.ring.Sums(label) {
		names = append(names, s.prefix+"i:{"+slotTag(label)+"}:"+base64.RawURLEncoding.EncodeToString(sum[:18]))
	}
	return names
}

// slotTag puts what belongs to a label onto one slot of a Cluster.
func slotTag(label Label) string {
	plain := sha256.Sum256(label)
	return hex.EncodeToString(plain[:2])
}

// Enlist makes a record findable until then, by each label and among all. It returns the
// names that the first label has beyond most, those that end first. They stay listed until
// they are delisted.
func (s *Store) Enlist(ctx context.Context, name string, until time.Time, most int, labels ...Label) (excess []string, err error) {
	return s.backend.Enlist(ctx, name, until, s.listsOf(name, most, false, labels)...)
}

// listsOf are where a record is put: under its labels, of which the first is bounded, and
// among all.
func (s *Store) listsOf(name string, most int, newest bool, labels []Label) []List {
	lists := make([]List, 0, len(labels)+1)
	for _, label := range labels {
		lists = append(lists, List{s.lists(label)[0], most, newest})
		most = 0 // others share the list of a mail address, and are not to be ended
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

// enlist prunes and prolongs a list in the same step, and returns the names beyond its
// bound. The list lives as long as the last of its names, counted by the caller's clock:
// with a point in time, a Redis whose clock is ahead would drop it too early.
var enlist = redis.NewScript(`
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", ARGV[3])
redis.call("ZADD", KEYS[1], ARGV[2], ARGV[1])
local last = redis.call("ZRANGE", KEYS[1], -1, -1, "WITHSCORES")
redis.call("PEXPIRE", KEYS[1], string.format("%.0f", last[2] - ARGV[3]))
local over = 0
if tonumber(ARGV[4]) > 0 then over = redis.call("ZCARD", KEYS[1]) - ARGV[4] end
if over <= 0 then return {} end
if ARGV[5] ~= "1" then return redis.call("ZRANGE", KEYS[1], 0, over - 1) end
local others = {}
for _, name in ipairs(redis.call("ZRANGE", KEYS[1], 0, over)) do
	if name ~= ARGV[1] and #others < over then table.insert(others, name) end
end
return others`)

// Enlist implements [Lists], in one round trip once Redis knows the script.
func (r *Redis) Enlist(ctx context.Context, name string, until time.Time, lists ...List) (excess []string, err error) {
	listing := newListing(name, until, lists)
	_, err = r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		listing.queue(ctx, p)
		return nil
	})
	excess, _, err = listing.settle(ctx, r, err)
	return excess, err
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
	return []any{l.name, l.until.UnixMilli(), l.now.UnixMilli(), list.Most, list.Newest}
}

// settle takes the pipeline's error, gives Redis the script if it does not know it, and
// replaces what is no list. It returns what the first list has beyond its bound, and
// whether any list was written after the pipeline.
func (l *listing) settle(ctx context.Context, r *Redis, err error) (excess []string, later bool, _ error) {
	if err != nil && !isNoScript(err) && !isWrongType(err) {
		return nil, false, err
	}
	for i, list := range l.lists {
		if isNoScript(l.replies[i].Err()) {
			later = true
			l.replies[i] = enlist.Run(ctx, r.client, []string{list.Key}, l.arguments(list)...)
		}
		if isWrongType(l.replies[i].Err()) {
			later = true
			if err := r.discard(ctx, list.Key); err != nil {
				return nil, later, err
			}
			l.replies[i] = enlist.Run(ctx, r.client, []string{list.Key}, l.arguments(list)...)
		}
		if err := l.replies[i].Err(); err != nil {
			return nil, later, err
		}
	}
	if len(l.lists) == 0 {
		return nil, later, nil
	}
	excess, err = l.replies[0].StringSlice()
	return excess, later, err
}

// Listed implements [Lists] in one round trip. A command for each list asks no more of
// Redis than version 6.0 has, and does not fail while a Cluster moves their slot.
func (r *Redis) Listed(ctx context.Context, lists ...string) (names []string, err error) {
	replies := make([]*redis.ZSliceCmd, len(lists))
	_, err = r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, list := range lists {
			replies[i] = p.ZRangeWithScores(ctx, list, 0, -1)
		}
		return nil
	})
	if err != nil && !isWrongType(err) {
		return nil, err
	}
	now := time.Now()
	ends := make(map[string]time.Time)
	for i, reply := range replies {
		switch err := reply.Err(); {
		case isWrongType(err):
			if err := r.discard(ctx, lists[i]); err != nil {
				return nil, err
			}
		case err != nil:
			return nil, err
		}
		for _, z := range reply.Val() {
			name, _ := z.Member.(string)
			if until := time.UnixMilli(int64(z.Score)); until.After(now) && until.After(ends[name]) {
				ends[name] = until
			}
		}
	}
	return lastFirst(ends), nil
}

// lastFirst are names in the order of their ends, the latest first.
func lastFirst(ends map[string]time.Time) []string {
	return slices.SortedFunc(maps.Keys(ends), func(a, b string) int {
		return cmp.Or(ends[b].Compare(ends[a]), cmp.Compare(a, b))
	})
}

// Delist implements [Lists] in one round trip. There is no name on what is no list.
func (r *Redis) Delist(ctx context.Context, name string, lists ...string) error {
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, list := range lists {
			p.ZRem(ctx, list, name)
		}
		return nil
	})
	if isWrongType(err) {
		err = nil // each command was executed: go-redis returns the first reply that is an error
	}
	return err
}
