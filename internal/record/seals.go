package record

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Seal is a key with which instances of an app have recently sealed sessions. A process without the key
// cannot find these sessions, because even the names of lists depend on it. Seals are stored
// unencrypted, so that such a process can report the problem instead of finding nothing. A seal reveals
// nothing that a record does not, except the URL at which users sign in.
type Seal struct {
	// Own is set for the client ID of the Store.
	Own bool
	// KeyID is the ID of the key.
	KeyID string
	// Origin is the redirect URI at which the sessions began.
	Origin string
}

const (
	// sealLife is how long a seal is kept after the last announcement. An app that is not used for
	// longer, for example during the summer, leaves no trace.
	sealLife = 90 * 24 * time.Hour
	// sealMark is the prefix of the entries of seals. Names of instances never begin with it.
	sealMark = "="
)

// seals is the list of the seals of all apps. It is in the same slot as the list of instances, so that
// both are read in one round trip.
const seals = appPrefix + "i:{instances}"

// Seals are the seals of all apps in the storage of a Store.
type Seals struct{ store *Store }

// SealsIn returns the seals in the storage of a Store.
func SealsIn(s *Store) Seals { return Seals{s} }

// Announce announces the key with which this instance seals, and its origin.
func (s Seals) Announce(ctx context.Context, origin string) error {
	entry := strings.Join([]string{sealMark + s.app(), s.store.KeyIDs()[0], origin}, " ")
	_, err := s.store.backend.Enlist(ctx, entry, time.Now().Add(sealLife), List{Key: seals})
	return err
}

// Read returns the announced instances of this app, and the seals of all apps, latest first.
func (s Seals) Read(ctx context.Context) (instances []Instance, latest []Seal, err error) {
	entries, err := s.store.backend.Listed(ctx, s.store.instances(), seals)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		sealed, isSeal := strings.CutPrefix(entry, sealMark)
		if !isSeal {
			instances = append(instances, instancesIn(entry)...)
			continue
		}
		if fields := strings.Split(sealed, " "); len(fields) == 3 {
			latest = append(latest, Seal{Own: fields[0] == s.app(), KeyID: fields[1], Origin: fields[2]})
		}
	}
	return instances, latest, nil
}

// app returns the identification of the app in the keys of its records.
func (s Seals) app() string {
	return strings.TrimSuffix(strings.TrimPrefix(s.store.prefix, appPrefix), ":")
}

// Stored is a session's record that a search has found.
type Stored struct {
	// Own is set for the client ID of the Store.
	Own    bool
	Name   string
	Sealed []byte
}

// ErrNoSearch means that the storage, or the rights of its user, do not allow a search.
var ErrNoSearch = errors.New("record: the storage cannot be searched")

// Searchable is a backend whose keys can be searched and whose lists are persistent.
type Searchable interface {
	// Search calls visit with the key of each session's record of all apps, until visit returns false
	// or an error.
	Search(ctx context.Context, visit func(key string) (more bool, err error)) error
}

// IsSessionKey reports whether a key is that of a session's record of any app.
func IsSessionKey(key string) bool {
	return strings.HasPrefix(key, appPrefix) && strings.HasSuffix(key, "}:"+string(Session))
}

// Kept reports whether seals outlive this process, so that other processes may have written them.
func (s Seals) Kept() bool {
	_, ok := s.store.unguarded().(Searchable)
	return ok
}

// Search finds the sessions of all apps without opening them, until visit returns false. Redis scans
// all of its keys for this, which requires more than the documented rights.
func (s Seals) Search(ctx context.Context, visit func(Stored) bool) error {
	backend, ok := s.store.unguarded().(Searchable)
	if !ok {
		return ErrNoSearch
	}
	err := backend.Search(ctx, func(key string) (bool, error) {
		sealed, err := s.store.backend.Get(ctx, key)
		if err != nil || len(sealed) == 0 {
			return true, ignoreReply(err)
		}
		prefix, name, _ := strings.Cut(strings.TrimSuffix(key, "}:"+string(Session)), "{")
		return visit(Stored{Own: prefix == s.store.prefix, Name: name, Sealed: sealed}), nil
	})
	if isDenied(err) {
		return ErrNoSearch
	}
	return err
}

// ignoreReply returns nil for the refusal of a server that is up.
func ignoreReply(err error) error {
	if isReply(err) {
		return nil
	}
	return err
}

func isDenied(err error) bool { return redis.HasErrorPrefix(err, "NOPERM") }

// searchStep is how many keys Redis examines per command.
const searchStep = 1000

// errFound ends a search.
var errFound = errors.New("record: found")

// Search implements [Searchable].
func (r *Redis) Search(ctx context.Context, visit func(key string) (more bool, err error)) error {
	const pattern = appPrefix + "*:{*}:" + string(Session)
	scan := func(ctx context.Context, client *redis.Client) error {
		keys := client.Scan(ctx, 0, pattern, searchStep).Iterator()
		for keys.Next(ctx) {
			if more, err := visit(keys.Val()); err != nil {
				return err
			} else if !more {
				return errFound
			}
		}
		return keys.Err()
	}
	err := ErrNoSearch
	switch client := r.client.(type) {
	case *redis.Client:
		err = scan(ctx, client)
	case *redis.ClusterClient:
		err = eachMaster(ctx, client, scan)
	}
	if errors.Is(err, errFound) {
		return nil
	}
	return err
}

// eachMaster visits the masters of a Cluster one after another, because visitors are not safe
// for concurrent use.
func eachMaster(ctx context.Context, cluster *redis.ClusterClient, visit func(context.Context, *redis.Client) error) error {
	var turn sync.Mutex
	return cluster.ForEachMaster(ctx, func(ctx context.Context, client *redis.Client) error {
		turn.Lock()
		defer turn.Unlock()
		return visit(ctx, client)
	})
}

// HasKey reports whether the Store can open what was sealed with a key.
func (s *Store) HasKey(id string) bool { return slices.Contains(s.KeyIDs(), id) }
