package entra

import (
	"context"
	"iter"
	"time"

	"github.com/fibermsal/fibermsal/internal/session"
)

// SessionInfo describes a session to administrators. It is a copy.
type SessionInfo struct {
	// ID identifies the session. It is a hash from which the cookie's value cannot be computed, so it
	// may be shown.
	ID string
	// User is the signed-in user.
	User User
	// AuthenticatedAt is when the user last authenticated. Zero means unknown.
	AuthenticatedAt time.Time
	// Browser is the family of the browser that signed in, such as "Firefox on Linux", if
	// Config.RecordBrowser is set.
	Browser string
	// LastSeenAt is when the session was last used, in steps of a tenth of the idle timeout. IdleAt is
	// when the session ends if it is not used again. Both are zero for a session that an earlier
	// version wrote to a storage other than Redis. LastSeenAt is zero if the IdleTimeout here is
	// shorter than the app's, and it is never in the future.
	LastSeenAt, IdleAt time.Time
}

// SessionFilter selects sessions. All its fields must match; the zero value selects all
// sessions.
type SessionFilter struct {
	// ID selects a single session.
	ID string
	// TenantID selects the sessions of a tenant's users.
	TenantID string
	// UserID selects the sessions of the user with this object ID. It requires TenantID.
	UserID string
	// Mail selects the sessions of all users who had this mail address at sign-in, in the tenants whose
	// users may sign in. It must be the complete address; case does not matter. It requires TenantID if
	// AnyTenantMaySignIn is set.
	Mail string
	// Before selects the sessions that began before this time. Zero selects all.
	Before time.Time
	// Part selects one of SessionParts parts of all sessions, starting with 1, so that a long job can
	// report its progress and resume after an interruption. It cannot be combined with ID, UserID or
	// Mail. Zero selects all parts.
	Part int
}

// SessionParts is the number of parts into which all sessions are divided, see SessionFilter.
const SessionParts = session.Parts

// Sessions returns the sessions that a filter selects: newest first for a user or a mail address,
// otherwise in no particular order. It reads a few dozen sessions at a time and keeps none in memory,
// so a million sessions need no more memory than a few. On a storage that is neither Redis nor from
// package embedded, a process finds only the sessions that it has served since it started. Sessions of
// another PublicURL are not returned.
//
// An error ends the sequence. It is an [*Error] if the storage failed. It is [ErrMisconfigured], with
// the Reason wrong_keys or missing_keys, if the app's instances have sealed sessions with a key that
// they still use and that is not in Config.Keys here, because such sessions are not found.
func (s *Service) Sessions(ctx context.Context, filter SessionFilter) iter.Seq2[SessionInfo, error] {
	return func(yield func(SessionInfo, error) bool) {
		for selected, err := range s.sessions.Select(ctx, session.Filter(filter)) {
			if err != nil {
				yield(SessionInfo{}, err)
				return
			}
			info := SessionInfo{
				ID: selected.ID, User: *userOf(&selected.User), AuthenticatedAt: selected.AuthenticatedAt, Browser: selected.Browser,
				LastSeenAt: selected.LastSeenAt, IdleAt: selected.IdleAt,
			}
			if !yield(info, nil) {
				return
			}
		}
	}
}

// EndSessions ends the sessions that a filter selects, on all instances at once, and returns how many
// it ended. Sign-ins in progress that the filter would select do not begin a session, unless the filter
// selects a single session by its ID. If an error occurs, the remaining sessions are not ended. If
// Redis is out of memory, sessions are still deleted, but sign-ins in progress are not blocked, and the
// error says so. The zero filter is rejected. Users are not signed out of Entra: their refresh tokens
// are deleted here but not revoked there. If sessions may have been missed because of Config.Keys, the
// error is the one that Sessions returns. Config.OnSignOut is called for each session, for a few dozen
// concurrently, before EndSessions returns.
func (s *Service) EndSessions(ctx context.Context, filter SessionFilter) (int, error) {
	return s.sessions.EndSelected(ctx, session.Filter(filter), s.site.CallOnSignOut)
}

// CleanOptions control CleanSessions. The zero value removes only records that no instance can
// use.
type CleanOptions struct {
	// DryRun removes nothing and only counts.
	DryRun bool
	// RemoveUnreadable removes the sessions that no key of Config.Keys opens. Their users are signed
	// out on all instances, including instances that have the key.
	RemoveUnreadable bool
	// From is the part to start with, see SessionFilter.Part, to resume where an earlier call ended.
	From int
	// Progress is called after each part of the storage with the number of completed parts, the total
	// number of parts, and the counts so far. The goroutine of CleanSessions makes the calls one after
	// another and waits for each. A part that fails is not reported.
	//
	// Optional. Default: nil.
	Progress func(parts, of int, soFar CleanReport)
}

// CleanReport contains the numbers of sessions that CleanSessions found.
type CleanReport struct {
	// Alive sessions are in use and were left unchanged, including those of another PublicURL.
	Alive int `json:"alive"`
	// Gone sessions have expired, most of them by the idle timeout, but were still in an index.
	Gone int `json:"gone"`
	// Corrupt records are sealed with a known key but do not open, because they were modified or moved.
	Corrupt int `json:"corrupt"`
	// Unreadable records are sealed with a key that is not in Config.Keys. Unless RemoveUnreadable is
	// set, they were left unchanged, because another instance may have the key.
	Unreadable int `json:"unreadable"`
}

// CleanSessions removes what ended sessions left behind in the storage. It is optional, because
// leftovers expire and are skipped until then, but it frees space earlier and finds records that do not
// open. Like Sessions, it needs no more memory for a million sessions than for a few. It may run while
// users sign in, and as often as desired.
//
// If the storage fails or ctx ends, the error is an [*Error], and the report covers the sessions
// that were examined.
func (s *Service) CleanSessions(ctx context.Context, options CleanOptions) (CleanReport, error) {
	cleaning := session.Cleaning{DryRun: options.DryRun, RemoveUnreadable: options.RemoveUnreadable, From: options.From}
	if options.Progress != nil {
		cleaning.Progress = func(parts, of int, soFar session.Counts) { options.Progress(parts, of, CleanReport(soFar)) }
	}
	counts, err := s.sessions.Clean(ctx, cleaning)
	return CleanReport(counts), err
}

// CheckSessions returns an error if Sessions and EndSessions cannot find the sessions of the app.
// Without this check, a program that ends users' sessions could end none and still report success. The
// error is an [*Error]: [ErrUnavailable] if the storage failed, or [ErrMisconfigured] with one of these
// Reasons:
//
//	wrong_keys       none of Config.Keys is a key of the app
//	missing_keys     instances of the app have sealed sessions with a key that is not in Config.Keys
//	other_client_id  the storage has sessions of other client IDs only
//	other_origin     the storage has sessions that began at other redirect URIs only
//	no_trace         the storage has no trace of any app
//
// It is for separate programs. Do not call it in the app itself, where perhaps no session has begun
// yet. On a storage that is neither Redis nor from package embedded it returns nil.
func (s *Service) CheckSessions(ctx context.Context) error {
	return session.ReachOf(s.sessions).Check(ctx)
}
