package record

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"time"
)

// Backend stores records. All methods are safe for concurrent use. An error always means that
// the storage failed, never that a key is absent.
type Backend interface {
	Lists
	// Get returns nil for an absent key. The caller may keep the bytes but must not change
	// them, because other callers may hold the same slice.
	Get(ctx context.Context, key string) ([]byte, error)
	// Set writes a value that expires after ttl, which must be greater than zero.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// Begin writes values in order and then, if there are lists, enlists a name like [Lists]. It reads
	// the marks of each list after it has written the list.
	Begin(ctx context.Context, p *BeginParams) (BeginResult, error)
	// Swap replaces the value of a key if it still equals old, and reports whether it did.
	// Sealed values are never equal, so the bytes serve as a version. The key's TTL does not
	// change if the storage can keep it, and is ttl otherwise.
	Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error)
	// Touch sets the TTL of the keys that exist. All keys must be in one slot of a Cluster, as for
	// Delete.
	Touch(ctx context.Context, ttl time.Duration, keys ...string) error
	// Delete removes keys. Absent keys are not an error.
	Delete(ctx context.Context, keys ...string) error
	// TTL returns the remaining lifetime of a key, or 0 if it is unknown or the key is absent.
	TTL(ctx context.Context, key string) (time.Duration, error)
	// Claim writes value if the key is absent, and reports whether the key now has this value. It also
	// returns true if the key already had this value, as in a retry after a lost reply (threat G7).
	Claim(ctx context.Context, key, value string, ttl time.Duration) (bool, error)
	// Lock waits until no other caller holds the key, or until ctx ends. The lock is held
	// until it is released, but it is lost if this process stops for longer than the lock's
	// TTL. Anything written under the lock must therefore be written with Swap.
	Lock(ctx context.Context, key string) (release func(), err error)
}

// Lists are indexes. Each list contains names of records, so that records can be found by a property
// such as their user. Each name has its own expiry. All methods are safe for concurrent use. An error
// means that the storage failed.
type Lists interface {
	// Enlist adds a name to lists until the given time. If the first list exceeds its limit, it returns
	// the excess names, which are those that expire first. They stay listed until the caller has ended
	// and delisted them, so that the next call returns them again if the reply is lost (threat G7). The
	// lists may be in several slots of a Cluster.
	Enlist(ctx context.Context, name string, until time.Time, lists ...List) (excess []string, err error)
	// Listed returns the names on lists, beginning with those that expire last. The lists must be in
	// one slot of a Cluster.
	Listed(ctx context.Context, lists ...string) ([]string, error)
	// Delist removes a name from lists.
	Delist(ctx context.Context, name string, lists ...string) error
	// Mark puts a mark with the age ago on a key, unless the key has a later mark.
	Mark(ctx context.Context, key string, ago time.Duration) error
	// Marked returns the age of the latest mark on any of the keys, or [Never]. The actual age may be
	// higher than the returned one, but not lower.
	Marked(ctx context.Context, keys ...string) (ago time.Duration, err error)
}

// List is a list to which a name is added.
type List struct {
	Key string
	// Max is the number of names that the list should not exceed, or 0 for no limit.
	Max int
	// Newest is set for the name of a new session. Such a name is never in the excess, even if all
	// other names expire later because another instance has other settings or another clock.
	Newest bool
	// New is set if the list probably does not exist yet, which saves a Redis command.
	New bool
	// Marks are keys that Begin reads after it has added the name. They are in the list's slot of a
	// Cluster.
	Marks []string
}

// Excess returns the names on the list that exceed its limit, beginning with the name that expires
// first. names must be sorted by expiry, latest first, and include the added name.
func (l List) Excess(names []string, added string) []string {
	limit := l.Max
	if l.Newest {
		names, limit = slices.DeleteFunc(names, func(name string) bool { return name == added }), limit-1
	}
	if len(names) <= limit {
		return nil
	}
	excess := names[limit:]
	slices.Reverse(excess)
	return excess
}

// Entry is a key and its value.
type Entry struct {
	Key   string
	Value []byte
}

// BeginParams are the parameters of [Backend.Begin].
type BeginParams struct {
	TTL     time.Duration
	Entries []Entry // in one slot of a Cluster
	// Name, Until and Lists are the parameters of Enlist.
	Name  string
	Until time.Time
	Lists []List
}

// Marks returns the marks of all lists.
func (p *BeginParams) Marks() (keys []string) {
	for _, list := range p.Lists {
		keys = append(keys, list.Marks...)
	}
	return keys
}

// BeginResult is the result of [Backend.Begin].
type BeginResult struct {
	Excess []string      // as Enlist returns it
	Marked time.Duration // as Marked returns it after the name was enlisted
}

const (
	// MarkTTL is how long a mark is kept. It limits how long a sign-in may take after its callback: ten
	// seconds for Entra and ten for OnSignIn, for each of a few credentials.
	MarkTTL = 5 * time.Minute
	// Never is the age of a mark that does not exist.
	Never = time.Duration(math.MaxInt64)
)

// beginOn implements Begin for backends in this process.
func beginOn(ctx context.Context, backend Backend, p *BeginParams) (result BeginResult, err error) {
	for _, e := range p.Entries {
		if err := backend.Set(ctx, e.Key, e.Value, p.TTL); err != nil {
			return BeginResult{}, err
		}
	}
	if result.Excess, err = backend.Enlist(ctx, p.Name, p.Until, p.Lists...); err != nil {
		return BeginResult{}, err
	}
	result.Marked, err = backend.Marked(ctx, p.Marks()...)
	return result, err
}

// lastFirst returns names sorted by expiry, latest first.
func lastFirst(expiries map[string]time.Time) []string {
	return slices.SortedFunc(maps.Keys(expiries), func(a, b string) int {
		return cmp.Or(expiries[b].Compare(expiries[a]), cmp.Compare(a, b))
	})
}

// atLeastASecond is for storages that count whole seconds and for which zero means no expiry.
func atLeastASecond(ttl time.Duration) time.Duration {
	return max(ttl, time.Second)
}
