package fibermsal

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
)

// CleanOptions are how [Auth.CleanSessions] goes about it. The zero value removes what is
// of no use to anybody.
type CleanOptions struct {
	// DryRun removes nothing and only counts.
	DryRun bool
	// RemoveUnreadable removes the sessions that no key of Config.Keys opens. Their users
	// are signed out on all instances, also on those that hold the key.
	RemoveUnreadable bool
	// Progress is told, after each part of the storage, how many of all parts are done.
	Progress func(parts, of int, soFar CleanReport)
}

// CleanReport is what [Auth.CleanSessions] met, in sessions.
type CleanReport struct {
	// Alive are signed in, and were left as they are, also those of another PublicURL.
	Alive int `json:"alive"`
	// Gone ended by themselves, most by their idle timeout, and were still listed.
	Gone int `json:"gone"`
	// Corrupt are no sessions, although the key is known: changed or moved by somebody.
	Corrupt int `json:"corrupt"`
	// Unreadable are sealed with a key that is not in Config.Keys. They were left, unless
	// RemoveUnreadable: another instance may have the key.
	Unreadable int `json:"unreadable"`
}

// CleanSessions removes what ended sessions left behind in the storage. Nothing depends
// on it, for all of that has an end of its own and is skipped until then; it makes room
// sooner, and finds what does not open. It goes through the sessions as [Auth.Sessions]
// does, and needs no more memory for a million. It may run while people sign in, and as
// often as one likes.
//
// An error is an [*Error] if the storage failed; the report then is of what was done.
func (a *Auth) CleanSessions(ctx context.Context, options CleanOptions) (CleanReport, error) {
	var report CleanReport
	for part := range a.records.Shards() {
		names, err := a.records.ListedIn(ctx, part)
		if err != nil {
			return report, storageUnavailable(err)
		}
		var mu sync.Mutex
		look := func(name string) (struct{}, error) {
			count, err := a.clean(ctx, name, options)
			mu.Lock()
			defer mu.Unlock()
			if count != nil {
				*count(&report)++
			}
			return struct{}{}, err
		}
		for _, err := range inParallel(each(names), look) {
			if err != nil {
				return report, err
			}
		}
		if options.Progress != nil {
			options.Progress(part+1, a.records.Shards(), report)
		}
	}
	return report, nil
}

// clean looks at one session and removes it if it is none. It returns where it counts, if
// anywhere.
func (a *Auth) clean(ctx context.Context, name string, options CleanOptions) (count func(*CleanReport) *int, err error) {
	if a.ended.has(name) {
		return nil, nil // it is being removed
	}
	box, err := a.records.Sealed(ctx, name, record.Session)
	var s *session
	if err == nil {
		s, err = a.parse(name, box)
	}
	remove, present := !options.DryRun, true
	switch {
	case err == nil && time.Now().Before(s.User.ExpiresAt):
		return func(r *CleanReport) *int { return &r.Alive }, nil
	case err == nil, errors.Is(err, record.ErrNotFound):
		count, present = func(r *CleanReport) *int { return &r.Gone }, false
	case errors.Is(err, record.ErrUnknownKey):
		count = func(r *CleanReport) *int { return &r.Unreadable }
		remove = remove && options.RemoveUnreadable
	case errors.Is(err, record.ErrCorrupt):
		count = func(r *CleanReport) *int { return &r.Corrupt }
	default:
		return nil, storageUnavailable(err)
	}
	if !remove {
		return count, nil
	}
	if err := a.sweep(ctx, name, s); err != nil {
		return nil, err
	}
	if present { // that was a session to somebody
		a.audit(ctx, slog.LevelWarn, auditSealMismatch, nil, slog.String("reason", "cleaned"), auditedSession(name))
	}
	return count, nil
}

// sweep removes the records of a name, and the name from the lists that are known. A
// session that does not open, and one that is gone, stays on its user's list until that
// is looked at.
func (a *Auth) sweep(ctx context.Context, name string, s *session) error {
	if err := a.discard(ctx, name); err != nil {
		return err
	}
	var labels []record.Label
	if s != nil {
		labels = s.labels()
	}
	if err := a.records.Delist(ctx, name, labels...); err != nil {
		return storageUnavailable(err)
	}
	return nil
}
