package record

import (
	"context"
	"strings"
	"time"
)

// maxInstances limits how many instances are listed.
const maxInstances = 256

// Instance is a process that keeps records in the storage, with the IDs of its keys, of which the first
// seals. Every sealed value also begins with such an ID. An ID reveals nothing about the key.
type Instance struct {
	Name   string
	KeyIDs []string
}

// Shared reports whether instances share their lists.
func (s *Store) Shared() bool {
	_, ok := s.unguarded().(*Redis)
	return ok
}

// Announce announces this instance to the others for some time. Its name must contain no spaces.
func (s *Store) Announce(ctx context.Context, name string, ttl time.Duration) error {
	_, err := s.backend.Enlist(ctx, s.announcement(name), time.Now().Add(ttl), List{Key: s.instances(), Max: maxInstances})
	return err
}

// Deregister removes the announcement of this instance.
func (s *Store) Deregister(ctx context.Context, name string) error {
	return s.backend.Delist(ctx, s.announcement(name), s.instances())
}

// Instances returns the announced instances.
func (s *Store) Instances(ctx context.Context) (all []Instance, err error) {
	announcements, err := s.backend.Listed(ctx, s.instances())
	for _, announcement := range announcements {
		all = append(all, instancesIn(announcement)...)
	}
	return all, err
}

// instancesIn returns the instance in an announcement, if there is one.
func instancesIn(announcement string) []Instance {
	name, ids, ok := strings.Cut(announcement, " ")
	if !ok {
		return nil
	}
	return []Instance{{Name: name, KeyIDs: strings.Fields(ids)}}
}

// KeyIDs returns the IDs of the store's own keys.
func (s *Store) KeyIDs() []string { return s.ring.IDs() }

// ProbeKey returns a storage key that no record uses, in the slot of a hash tag.
func (s *Store) ProbeKey(tag string) string { return s.prefix + "doctor:{" + tag + "}" }

func (s *Store) instances() string { return s.prefix + "i:{instances}" }

func (s *Store) announcement(name string) string {
	return strings.Join(append([]string{name}, s.KeyIDs()...), " ")
}
