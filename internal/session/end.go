package session

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/retryqueue"
	"github.com/fibermsal/fibermsal/internal/telemetry"
)

const (
	// maxEnded is how many ended sessions may wait for the storage.
	maxEnded = 100_000
	// retryEvery is how often the storage is tried again.
	retryEvery = time.Second
)

// End ends a session. If the storage fails, End returns an error, but the session is no longer valid in
// this process, and its records are deleted when the storage is back (threat D10).
func (s *Store) End(ctx context.Context, id string) error {
	err := s.Discard(ctx, id)
	if err != nil && !s.ended.Put(id, struct{}{}) {
		s.Log.LogAttrs(ctx, slog.LevelError, "session ended but not deleted: the queue is full, so its record stays until the idle timeout")
	}
	return err
}

// Discard deletes a session's records. It does nothing if the ID is empty.
func (s *Store) Discard(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	s.cache.remove(id)
	if err := s.Records.Delete(ctx, id); err != nil {
		return autherr.StorageUnavailable(err)
	}
	return nil
}

// discardCorrupt deletes a record that is not a session, so that it fails only once (threat E11).
func (s *Store) discardCorrupt(ctx context.Context, id string) error {
	s.Telemetry.Audit(ctx, slog.LevelWarn, telemetry.EventSealMismatch, telemetry.Subject{SessionID: id}, slog.String("reason", "seal_mismatch"))
	return errors.Join(ErrCorrupt, s.Discard(ctx, id))
}

func newEndedQueue(s *Store) *retryqueue.Queue[struct{}] {
	return retryqueue.New[struct{}](s.Background, retryqueue.Options{
		What: "removing ended sessions", Max: maxEnded, First: retryEvery, Most: retryEvery,
		Round: s.deleteEnded,
		Abandon: func(left int) {
			s.Log.LogAttrs(context.Background(), slog.LevelError,
				"closed while ended sessions were still in the storage: they end with their idle timeout", slog.Int("sessions", left))
		},
	})
}

// deleteEnded deletes the records of ended sessions. It stops at the first failure, because the storage
// is then still down.
func (s *Store) deleteEnded(ids []string) {
	for _, id := range ids {
		if s.Background.Context().Err() != nil {
			return
		}
		ctx, cancel := context.WithTimeout(s.Background.Context(), time.Second)
		err := s.Discard(ctx, id)
		cancel()
		if err != nil {
			return
		}
		s.ended.Remove(id)
	}
	s.Log.LogAttrs(context.Background(), slog.LevelInfo, "sessions that ended during the outage were removed", slog.Int("sessions", len(ids)))
}
