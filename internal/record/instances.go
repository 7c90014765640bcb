package record

import (
	"context"
	"strings"
	"time"
)

// maxInstances bounds how many instances are remembered.
const maxInstances = 256

// Instance is a process that keeps records in a storage, and the ids of its keys, the
// first the one that seals. Every box begins with such an id: it tells nothing else.
type Instance struct {
	Name   string
	KeyIDs []string
}

// Shared reports whether other instances find here what this one lists.
func (s *Store) Shared() bool {
	_, ok := bare(s.backend).(*Redis)
	return ok
}

// Introduce tells other instances for some time of this one, whose name has no spaces.
func (s *Store) Introduce(ctx context.Context, name string, life time.Duration) error {
	_, err := s.backend.Enlist(ctx, s.introduction(name), time.Now().Add(life), List{Key: s.instances(), Most: maxInstances})
	return err
}

// Withdraw takes that back.
func (s *Store) Withdraw(ctx context.Context, name string) error {
	return s.backend.Delist(ctx, s.introduction(name), s.instances())
}

// Instances are those that were introduced.
func (s *Store) Instances(ctx context.Context) (all []Instance, err error) {
	found, err := s.backend.Listed(ctx, s.instances())
	for _, text := range found {
		name, ids, ok := strings.Cut(text, " ")
		if ok {
			all = append(all, Instance{Name: name, KeyIDs: strings.Fields(ids)})
		}
	}
	return all, err
}

// KeyIDs are those of the store's own keys.
func (s *Store) KeyIDs() []string { return s.ring.IDs() }

// Spare is the name of a key that no record has, on the slot of a tag.
func (s *Store) Spare(tag string) string { return s.prefix + "doctor:{" + tag + "}" }

func (s *Store) instances() string { return s.prefix + "i:{instances}" }

func (s *Store) introduction(name string) string {
	return strings.Join(append([]string{name}, s.KeyIDs()...), " ")
}
