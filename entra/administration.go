package entra

import (
	"context"
	"iter"
	"time"

	"github.com/fibermsal/fibermsal/internal/session"
)

// SessionInfo is a session as an administrator sees it. It is a copy.
type SessionInfo struct {
	// ID names the session. It is a hash of the cookie's value, from which the value cannot be
	// computed, so it may be shown.
	ID string
	// User is the signed-in user.
	User User
	// AuthenticatedAt is when the user last authenticated; zero is unknown.
	AuthenticatedAt time.Time
	// Browser is the family of the browser that signed in, such as "Firefox on Linux", if
	// Config.RecordBrowser is set.
	Browser string
	// LastSeenAt is when the session was last used, in steps of a tenth of the idle timeout, and
	// IdleAt is when it ends if it is not used again. Both are zero for a session that an
	// earlier version wrote to a storage that is not Redis, and the first is zero if the
	// IdleTimeout here is shorter than the app's. LastSeenAt is never in the future.
	LastSeenAt, IdleAt time.Time
}

// SessionFilter selects sessions. All its fields must match; the zero value selects all
// sessions.
type SessionFilter struct {
	// ID is that of one session.
	ID string
	// TenantID is that of the users' tenant.
	TenantID string
	// UserID is the object ID of one user. It requires TenantID.
	UserID string
	// Mail is the whole mail address that was known at sign-in; its case does not matter. It
	// selects the sessions of all users who have it, in the tenants that may sign in, and
	// requires TenantID if any tenant may.
	Mail string
	// Before is the time before which the session must have begun; zero is any time.
	Before time.Time
	// Part selects one of SessionParts parts of all sessions, from 1 on, so that long work can
	// show its progress, and go on where it was interrupted. It cannot be combined with ID, UserID
	// or Mail. Zero is all parts.
	Part int
}

// SessionParts is the number of parts into which all sessions are divided, see SessionFilter.
const SessionParts = session.Parts

// Sessions returns the sessions that a filter selects: the newest first for a user or a mail
// address, otherwise in no order. It reads some dozen sessions at the same time and remembers
// none, so a million of them need no more memory. On a storage that is neither Redis nor of package
// embedded, sessions are found by the process that has served them since it began. Sessions of another PublicURL are
// not returned.
//
// An error ends the sequence, and is an [*Error] if the storage failed. It is [ErrMisconfigured], with
// the Reason wrong_keys or missing_keys, if the app's instances have sealed sessions with a key that is
// not in Config.Keys and that they still have: those sessions are not found.
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

// EndSessions ends the sessions that a filter selects, on all instances at once, and returns how
// many. A sign-in that is under way meanwhile begins no session, unless the filter names one
// session by its ID. If an error occurs, the remaining sessions are not ended. If Redis is out of
// memory, sessions are still deleted, but sign-ins under way are not blocked, and the error says
// so. The zero filter is rejected. Users are not signed out of Entra, whose refresh tokens are
// dropped here and not revoked there. If sessions may have been missed because of Config.Keys, the
// error is the one that Sessions returns. Config.OnSignOut is called for each session, for some dozen at
// the same time, before EndSessions returns.
func (s *Service) EndSessions(ctx context.Context, filter SessionFilter) (int, error) {
	return s.sessions.EndSelected(ctx, session.Filter(filter), s.site.CallOnSignOut)
}

// CleanOptions control CleanSessions. The zero value removes only records that no instance can
// use.
type CleanOptions struct {
	// DryRun removes nothing and only counts.
	DryRun bool
	// RemoveUnreadable removes the sessions that no key of Config.Keys opens. Their users are
	// signed out on all instances, also on those that hold the key.
	RemoveUnreadable bool
	// From is the part to begin with, as of SessionFilter, to go on where an earlier call ended.
	From int
	// Progress is called after each part of the storage, with the number of parts that are done,
	// the number of all parts, and the counts so far. The calls are made one after another by
	// the goroutine of CleanSessions, which waits for them. A part that fails is not reported.
	//
	// Optional. Default: nil.
	Progress func(parts, of int, soFar CleanReport)
}

// CleanReport is what CleanSessions found, in sessions.
type CleanReport struct {
	// Alive sessions are signed in, and were left unchanged, also those of another PublicURL.
	Alive int `json:"alive"`
	// Gone sessions have ended by themselves, most by their idle timeout, and were still listed.
	Gone int `json:"gone"`
	// Corrupt records are not sessions although their key is known, because they were changed
	// or moved.
	Corrupt int `json:"corrupt"`
	// Unreadable records are sealed with a key that is not in Config.Keys. They were left,
	// unless RemoveUnreadable is set, because another instance may have the key.
	Unreadable int `json:"unreadable"`
}

// CleanSessions removes what ended sessions left in the storage. It is optional, because
// leftovers expire and are skipped until then. It frees space earlier, and finds records that do
// not open. It reads the sessions as Sessions does, and needs no more memory for a million. It
// may run while users sign in, and as often as desired.
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

// CheckSessions returns an error if Sessions and EndSessions do not see the sessions of the app,
// which is the worst that can happen to a program that revokes users: that it ends none, and
// reports success. The error is an [*Error]: [ErrUnavailable] if the storage failed, or
// [ErrMisconfigured] with one of these Reasons:
//
//	wrong_keys       none of Config.Keys is a key of the app
//	missing_keys     instances of the app have sealed sessions with a key that is not in Config.Keys
//	other_client_id  the storage has sessions of other client IDs only
//	other_origin     the storage has sessions that began at other redirect URIs only
//	no_trace         the storage has no trace of any app
//
// It is for programs of their own. In the app itself no session may have begun yet. On a storage
// that is neither Redis nor of package embedded it returns nil.
func (s *Service) CheckSessions(ctx context.Context) error {
	return session.ReachOf(s.sessions).Check(ctx)
}
