package session

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/parallel"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/telemetry"
)

// Cleaning configures Clean.
type Cleaning struct {
	DryRun           bool
	RemoveUnreadable bool
	From             int // the part to start with
	Progress         func(parts, of int, soFar Counts)
}

// Counts are the numbers of sessions by state.
type Counts struct {
	Alive      int
	Gone       int
	Corrupt    int
	Unreadable int
}

// Clean removes the records and index entries of ended sessions from the storage.
func (s *Store) Clean(ctx context.Context, c Cleaning) (Counts, error) {
	var counts Counts
	for shard := max(0, c.From-1); shard < s.Records.Shards(); shard++ {
		ids, err := s.Records.ListedIn(ctx, shard)
		if err != nil {
			return counts, autherr.StorageUnavailable(err)
		}
		if err := s.cleanEach(ctx, ids, c, &counts); err != nil {
			return counts, err
		}
		if c.Progress != nil {
			c.Progress(shard+1, s.Records.Shards(), counts)
		}
	}
	if err := ReachOf(s).CheckKeys(ctx); autherr.ReasonOf(err) != ReasonMissingKeys { // other instances clean sessions with other keys
		return counts, err
	}
	return counts, nil
}

func (s *Store) cleanEach(ctx context.Context, ids []string, c Cleaning, counts *Counts) error {
	var mu sync.Mutex
	clean := func(id string) (struct{}, error) {
		found, err := s.examine(ctx, id)
		if err == nil && c.removes(found.state) {
			err = s.removeExamined(ctx, id, found)
		}
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			counts.add(found.state)
		}
		return struct{}{}, err
	}
	for _, err := range parallel.Map(parallel.Each(ids), clean) {
		if err != nil {
			return err
		}
	}
	return nil
}

// state is the state of a session that is in an index.
type state int

const (
	ending     state = iota // its records are being removed already
	valid                   // a session
	expired                 // a session past its absolute timeout whose record still exists
	gone                    // no record
	corrupt                 // a record that is not a session, although the key is known
	unreadable              // a record sealed with an unknown key
)

// examined is the state of an ID, and the session if it could be read.
type examined struct {
	state   state
	session *Session
}

func (s *Store) examine(ctx context.Context, id string) (examined, error) {
	if s.ended.Has(id) {
		return examined{state: ending}, nil
	}
	sealed, err := s.Records.Sealed(ctx, id, record.Session)
	var session *Session
	if err == nil {
		session, err = s.parse(id, sealed)
	}
	switch {
	case err == nil && session.expired():
		return examined{expired, session}, nil
	case err == nil:
		return examined{valid, session}, nil
	case errors.Is(err, record.ErrNotFound):
		return examined{state: gone}, nil
	case errors.Is(err, record.ErrUnknownKey):
		return examined{state: unreadable}, nil
	case errors.Is(err, record.ErrCorrupt):
		return examined{state: corrupt}, nil
	}
	return examined{}, autherr.StorageUnavailable(err)
}

// removes reports whether records in a state are removed.
func (c Cleaning) removes(found state) bool {
	switch found {
	case expired, gone, corrupt:
		return !c.DryRun
	case unreadable:
		return !c.DryRun && c.RemoveUnreadable
	case ending, valid:
	}
	return false
}

// removeExamined removes the records of an ID, and the ID from the indexes that are known. If the
// session is gone or does not open, its user is unknown, and it stays in the user's index until the
// next lookup.
func (s *Store) removeExamined(ctx context.Context, id string, found examined) error {
	if err := s.Discard(ctx, id); err != nil {
		return err
	}
	var labels []record.Label
	if found.session != nil {
		labels = found.session.labels()
	}
	if err := s.Records.Delist(ctx, id, labels...); err != nil {
		return autherr.StorageUnavailable(err)
	}
	if found.state == corrupt || found.state == unreadable { // another instance may accept the session
		s.Telemetry.Audit(ctx, slog.LevelWarn, telemetry.EventSealMismatch, telemetry.Subject{SessionID: id}, slog.String("reason", "cleaned"))
	}
	return nil
}

func (c *Counts) add(found state) {
	switch found {
	case valid:
		c.Alive++
	case expired, gone:
		c.Gone++
	case corrupt:
		c.Corrupt++
	case unreadable:
		c.Unreadable++
	case ending:
	}
}
