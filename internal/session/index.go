package session

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/parallel"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/telemetry"
)

// listed yields the IDs in the index of a label. Indexes are only hints, because they may contain
// sessions that have ended.
func (s *Store) listed(ctx context.Context, label record.Label) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		ids, err := s.Records.Listed(ctx, label)
		if err != nil {
			yield("", autherr.StorageUnavailable(err))
			return
		}
		parallel.Each(ids)(yield)
	}
}

// enlist adds a session to its indexes again, and ends the oldest sessions of its user if there are too
// many.
func (s *Store) enlist(ctx context.Context, session *Session) error {
	excess, err := s.Records.Enlist(ctx, session.ID, session.User.ExpiresAt, s.MaxPerUser, session.labels()...)
	if err != nil {
		return autherr.StorageUnavailable(err)
	}
	return s.endExcess(ctx, session, excess)
}

// Delist removes a session from its indexes. Entries that it fails to remove are skipped on lookup.
func (s *Store) Delist(ctx context.Context, session *Session) {
	if err := s.Records.Delist(ctx, session.ID, session.labels()...); err != nil {
		s.Log.LogAttrs(ctx, slog.LevelDebug, "ended session still listed", slog.Any("error", autherr.StorageUnavailable(err)))
	}
}

// endExcess ends the oldest sessions of a user who exceeds the limit because of a new session (threat
// E12). It removes them from the indexes only after they have ended, so that the user's next sign-in
// retries what fails here.
func (s *Store) endExcess(ctx context.Context, added *Session, excess []string) error {
	if len(excess) == 0 {
		return nil
	}
	excess, err := s.withoutExpired(ctx, added, excess)
	if err != nil {
		return err
	}
	end := func(id string) (struct{}, error) {
		old, err := s.Read(ctx, id)
		if err == nil {
			err = s.End(ctx, id)
		}
		if err != nil {
			return struct{}{}, err
		}
		if old == nil {
			old = &Session{ID: id, User: added.User, EntraSession: added.EntraSession} // most likely in the same indexes
		} else {
			s.Telemetry.Audit(ctx, slog.LevelInfo, telemetry.EventSessionEnded, old.Subject(), slog.String("by", "too_many"))
		}
		s.Delist(ctx, old)
		return struct{}{}, nil
	}
	for _, err := range parallel.Map(parallel.Each(excess), end) {
		if err != nil {
			return err
		}
	}
	return nil
}

// withoutExpired removes sessions that have reached their idle timeout from the user's index, where
// such sessions remain until then. It returns the excess sessions that are still too many.
func (s *Store) withoutExpired(ctx context.Context, added *Session, excess []string) ([]string, error) {
	label := userLabel(added.User.TenantID, added.User.ID)
	listed, err := s.Records.Listed(ctx, label)
	if err != nil {
		return nil, autherr.StorageUnavailable(err)
	}
	removeExpired := func(id string) (removed string, err error) {
		_, err = s.Records.Sealed(ctx, id, record.Session)
		if !errors.Is(err, record.ErrNotFound) {
			return "", nil // if it has not expired, a later request reports the error
		}
		_ = s.Records.Delist(ctx, id, label) // or the next sign-in does
		return id, nil
	}
	surplus := len(excess)
	for removed, err := range parallel.Map(parallel.Each(listed), removeExpired) {
		switch {
		case err != nil:
			return nil, err
		case removed == "":
		default:
			surplus--
			excess = slices.DeleteFunc(excess, func(id string) bool { return id == removed })
		}
	}
	return excess[:max(0, min(len(excess), surplus))], nil
}
