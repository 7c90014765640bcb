package session

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/parallel"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/telemetry"
)

// Activity is when a session was last used and when it ends if it is not used again. Both are
// zero if the storage does not report them.
type Activity struct{ LastSeenAt, IdleAt time.Time }

// Selected is a session that a filter selected, and its activity.
type Selected struct {
	*Session
	Activity
}

// Select yields the sessions that a filter selects. It remembers none of them.
func (s *Store) Select(ctx context.Context, f Filter) iter.Seq2[Selected, error] {
	return func(yield func(Selected, error) bool) {
		f, err := f.checked(s.AnyTenant)
		if err != nil {
			yield(Selected{}, err)
			return
		}
		find := func(id string) (Selected, error) {
			found, err := s.Read(ctx, id)
			if err != nil || found == nil || !f.selects(found) {
				return Selected{}, err
			}
			activity, err := s.activityOf(ctx, found)
			return Selected{found, activity}, err
		}
		for selected, err := range parallel.Map(s.candidates(ctx, f, false), find) {
			switch {
			case err != nil:
				yield(Selected{}, err)
				return
			case selected.Session != nil && !yield(selected, nil):
				return
			}
		}
	}
}

func (s *Store) activityOf(ctx context.Context, session *Session) (Activity, error) {
	ttl, err := s.Records.TTL(ctx, session.ID, record.Session)
	if err != nil {
		return Activity{}, autherr.StorageUnavailable(err)
	}
	if ttl <= 0 {
		return Activity{}, nil
	}
	idleAt := time.Now().Add(ttl)
	lastSeenAt := idleAt.Add(-s.IdleTimeout)
	if lastSeenAt.Before(session.User.SignedInAt) {
		lastSeenAt = session.User.SignedInAt // the absolute end is near
	}
	return Activity{lastSeenAt, idleAt}, nil
}

// errNoFilter keeps a forgotten filter from signing everybody out.
var errNoFilter = errors.New("fibermsal: EndSessions needs a SessionFilter; to end all, set Before to now")

// EndSelected ends the sessions that a filter selects and returns how many. It calls notify for each
// of them, for several at the same time.
func (s *Store) EndSelected(ctx context.Context, f Filter, notify func(context.Context, *Session)) (int, error) {
	if f == (Filter{}) {
		return 0, errNoFilter
	}
	f, err := f.checked(s.AnyTenant)
	if err != nil {
		return 0, err
	}
	var ended atomic.Int64
	end := func(id string) (struct{}, error) {
		found, err := s.Read(ctx, id)
		if err != nil || found == nil || !f.selects(found) {
			return struct{}{}, err
		}
		if err := s.End(ctx, id); err != nil {
			return struct{}{}, err
		}
		ended.Add(1)
		s.Delist(ctx, found)
		s.Telemetry.Audit(ctx, slog.LevelInfo, telemetry.EventSessionEnded, found.Subject(), slog.String("by", "app"))
		s.Telemetry.SignedOut(ctx, "app")
		notify(ctx, found)
		return struct{}{}, nil
	}
	for _, err := range parallel.Map(s.candidates(ctx, f, true), end) {
		if err != nil {
			return int(ended.Load()), err
		}
	}
	return int(ended.Load()), nil
}

// EndEntraSession ends the sessions that began with a browser's session at Entra, and calls
// ended for each. A session that cannot be ended does not keep the others from ending.
func (s *Store) EndEntraSession(ctx context.Context, sid string, ended func(*Session)) error {
	var failed error
	for id, err := range s.listed(ctx, entraLabel(sid)) {
		if err != nil {
			return err
		}
		found, err := s.Read(ctx, id)
		if err == nil && (found == nil || found.EntraSession != sid) {
			continue
		}
		if err == nil {
			err = s.End(ctx, id)
		}
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		s.Delist(ctx, found)
		ended(found)
	}
	return failed
}
