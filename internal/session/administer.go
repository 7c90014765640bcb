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

// Activity contains when a session was last used and when it ends if it is not used again. Both are
// zero if the storage does not report them. LastSeenAt is zero if the app has a longer idle timeout
// than this process, and it is never in the future.
type Activity struct{ LastSeenAt, IdleAt time.Time }

// Selected is a session that a filter has selected, with its activity.
type Selected struct {
	*Session
	Activity
}

// Select yields the sessions that a filter selects. It does not add them to the cache.
func (s *Store) Select(ctx context.Context, f Filter) iter.Seq2[Selected, error] {
	return func(yield func(Selected, error) bool) {
		f, err := f.checked(s.AnyTenant)
		if err != nil {
			yield(Selected{}, err)
			return
		}
		find := func(id string) (Selected, error) {
			found, err := s.find(ctx, f, id)
			if err != nil || found == nil {
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
		if err := s.checkComplete(ctx, f); err != nil {
			yield(Selected{}, err)
		}
	}
}

// find returns the session with an ID if the filter selects it, or nil.
func (s *Store) find(ctx context.Context, f Filter, id string) (*Session, error) {
	found, err := s.Read(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case found != nil && f.selects(found):
		return found, nil
	case found == nil && f.ID != "":
		return nil, ReachOf(s).checkID(ctx, id)
	}
	return nil, nil
}

// checkComplete returns an error if a filter may have missed sessions. If a filter selects a part, the
// check runs only for the first part.
func (s *Store) checkComplete(ctx context.Context, f Filter) error {
	if f.ID != "" || f.Part > 1 {
		return nil
	}
	return ReachOf(s).CheckKeys(ctx)
}

func (s *Store) activityOf(ctx context.Context, session *Session) (Activity, error) {
	ttl, err := s.Records.TTL(ctx, session.ID, record.Session)
	if err != nil {
		return Activity{}, autherr.StorageUnavailable(err)
	}
	if ttl <= 0 {
		return Activity{}, nil
	}
	return activityFrom(session, ttl, s.IdleTimeout, time.Now()), nil
}

// activityFrom computes when a session was last used from the remaining lifetime of its record. The
// result depends on the app's idle timeout, which may be longer than here, and on its clock.
func activityFrom(session *Session, ttl, idleTimeout time.Duration, now time.Time) Activity {
	idleAt := now.Add(ttl)
	lastSeenAt := idleAt.Add(-idleTimeout)
	if lastSeenAt.After(now.Add(atMostApart)) {
		return Activity{IdleAt: idleAt} // the app has another idle timeout, so this is unknown
	}
	if lastSeenAt.Before(session.User.SignedInAt) {
		lastSeenAt = session.User.SignedInAt // the absolute timeout has shortened the lifetime
	}
	if lastSeenAt.After(now) {
		lastSeenAt = now // the clocks differ
	}
	return Activity{lastSeenAt, idleAt}
}

// atMostApart is how much longer than the idle timeout a record may appear to live, because TTLs are
// rounded and replies take time.
const atMostApart = 2 * time.Second

// errNoFilter prevents a forgotten filter from signing out all users.
var errNoFilter = errors.New("fibermsal: EndSessions needs a SessionFilter; to end all, set Before to now")

// EndSelected ends the sessions that a filter selects and returns how many it ended. It calls notify
// for each of them, concurrently for several.
func (s *Store) EndSelected(ctx context.Context, f Filter, notify func(context.Context, *Session)) (int, error) {
	if f == (Filter{Part: f.Part}) {
		return 0, errNoFilter
	}
	f, err := f.checked(s.AnyTenant)
	if err != nil {
		return 0, err
	}
	var ended atomic.Int64
	end := func(id string) (struct{}, error) {
		found, err := s.find(ctx, f, id)
		if err != nil || found == nil {
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
	return int(ended.Load()), s.checkComplete(ctx, f)
}

// EndEntraSession ends the sessions that belong to a browser's session at Entra, and calls ended for
// each. If a session cannot be ended, the others are still ended.
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
