package fibermsal

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
)

// maxSessionsOfUser bounds the sessions of one user: each sign-in beyond it ends the
// oldest (threat E12).
const maxSessionsOfUser = 100

// SessionInfo is a session as an administrator sees it. It is a copy.
type SessionInfo struct {
	// ID names the session. It is a hash of the cookie's value, from which nobody gets
	// that, so it may be shown.
	ID string
	// User is who is signed in.
	User User
	// AuthenticatedAt is when the user last proved who they are; zero is unknown.
	AuthenticatedAt time.Time
	// Browser is the family of the browser that signed in, such as "Firefox on Linux", if
	// Config.RecordBrowser asks for it.
	Browser string
	// LastSeenAt is when the session was last used, in steps of a tenth of the idle
	// timeout, and IdleAt when it ends if it is not used again. Both are zero on a
	// storage that does not tell how long a record lives.
	LastSeenAt, IdleAt time.Time
}

// SessionFilter selects sessions. Its fields must all apply; the zero value selects all.
type SessionFilter struct {
	// ID is that of one session.
	ID string
	// TenantID and UserID are those of one user, both or neither.
	TenantID, UserID string
	// Before is the time before which the session must have begun; zero is any.
	Before time.Time
}

// errNoFilter keeps a forgotten filter from signing everybody out.
var errNoFilter = errors.New("fibermsal: EndSessions needs a SessionFilter; to end all, set Before to now")

func (f SessionFilter) check() error {
	if (f.TenantID == "") != (f.UserID == "") {
		return errors.New("fibermsal: SessionFilter needs TenantID and UserID together")
	}
	return nil
}

// clone keeps what a request may have said (trap T10).
func (f SessionFilter) clone() SessionFilter {
	f.ID, f.TenantID, f.UserID = strings.Clone(f.ID), strings.ToLower(strings.Clone(f.TenantID)), strings.ToLower(strings.Clone(f.UserID))
	return f
}

func (f SessionFilter) selects(s *session) bool {
	return (f.ID == "" || f.ID == s.recordName) &&
		(f.UserID == "" || (f.UserID == s.User.ID && f.TenantID == s.User.TenantID)) &&
		(f.Before.IsZero() || s.User.SignedInAt.Before(f.Before))
}

// Sessions returns the sessions that a filter selects, one by one as they are read: of a
// user the newest first, of all in no order. It reads one session after the other and
// remembers none, so a million of them need no more memory than one. On a storage that
// is not Redis, sessions are found by the process that has served them since it began.
//
// An error ends the sequence, and is an [*Error] if the storage failed.
func (a *Auth) Sessions(ctx context.Context, filter SessionFilter) iter.Seq2[SessionInfo, error] {
	return func(yield func(SessionInfo, error) bool) {
		for s, err := range a.selected(ctx, filter) {
			if err != nil {
				yield(SessionInfo{}, err)
				return
			}
			info, err := a.describe(ctx, s)
			if !yield(info, err) || err != nil {
				return
			}
		}
	}
}

// EndSessions ends the sessions that a filter selects, on all instances at once, and
// returns how many. What an error kept from ending has not ended. The filter must say
// something. Users are not signed out of Entra, whose refresh tokens are dropped here
// and not revoked there.
func (a *Auth) EndSessions(ctx context.Context, filter SessionFilter) (ended int, err error) {
	if filter == (SessionFilter{}) {
		return 0, errNoFilter
	}
	for s, err := range a.selected(ctx, filter) {
		if err != nil {
			return ended, err
		}
		if err := a.end(ctx, s.recordName); err != nil {
			return ended, err
		}
		a.delist(ctx, s)
		a.countSignOut(ctx, auditSessionEnded, s, "app")
		ended++
	}
	return ended, nil
}

// selected are the sessions that a filter selects.
func (a *Auth) selected(ctx context.Context, filter SessionFilter) iter.Seq2[*session, error] {
	filter = filter.clone()
	return func(yield func(*session, error) bool) {
		if err := filter.check(); err != nil {
			yield(nil, err)
			return
		}
		for name, err := range a.candidates(ctx, filter) {
			if err != nil {
				yield(nil, err)
				return
			}
			s, err := a.read(ctx, name)
			if err == nil && (s == nil || !filter.selects(s)) {
				continue
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// candidates are the names of the records that a filter may select.
func (a *Auth) candidates(ctx context.Context, filter SessionFilter) iter.Seq2[string, error] {
	switch {
	case filter.ID != "":
		return func(yield func(string, error) bool) { yield(filter.ID, nil) }
	case filter.UserID != "":
		return a.listed(ctx, userLabel(filter.TenantID, filter.UserID))
	}
	return func(yield func(string, error) bool) {
		for part := range a.records.Shards() {
			names, err := a.records.ListedIn(ctx, part)
			if err != nil {
				yield("", storageUnavailable(err))
				return
			}
			for _, name := range names {
				if !yield(name, nil) {
					return
				}
			}
		}
	}
}

func (a *Auth) listed(ctx context.Context, label record.Label) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		names, err := a.records.Listed(ctx, label)
		if err != nil {
			yield("", storageUnavailable(err))
			return
		}
		for _, name := range names {
			if !yield(name, nil) {
				return
			}
		}
	}
}

// read returns a session by its name, or nil if it is over. It does not prolong it.
func (a *Auth) read(ctx context.Context, name string) (*session, error) {
	if a.ended.has(name) {
		return nil, nil
	}
	box, err := a.records.Sealed(ctx, name, record.Session)
	if errors.Is(err, record.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, storageUnavailable(err)
	}
	s, err := a.parse(name, box)
	if err != nil || !time.Now().Before(s.User.ExpiresAt) {
		return nil, nil //nolint:nilerr // who carries its cookie finds out
	}
	return s, nil
}

func (a *Auth) describe(ctx context.Context, s *session) (SessionInfo, error) {
	info := SessionInfo{ID: s.recordName, User: *s.User.clone(), AuthenticatedAt: s.AuthenticatedAt, Browser: s.Browser}
	life, err := a.records.Life(ctx, s.recordName, record.Session)
	if err != nil {
		return SessionInfo{}, storageUnavailable(err)
	}
	if life > 0 {
		info.IdleAt = time.Now().Add(life)
		info.LastSeenAt = info.IdleAt.Add(-a.cfg.IdleTimeout)
		if info.LastSeenAt.Before(s.User.SignedInAt) {
			info.LastSeenAt = s.User.SignedInAt // the absolute end is near
		}
	}
	return info, nil
}

// Labels are what sessions are found by.

func userLabel(tenant, user string) record.Label { return record.NewLabel("user", tenant, user) }

func mailLabel(tenant, mail string) record.Label { return record.NewLabel("mail", tenant, mail) }

func entraSessionLabel(sid string) record.Label { return record.NewLabel("sid", sid) }

// labels begin with the user's, whose sessions are bounded.
func (s *session) labels() []record.Label {
	labels := []record.Label{userLabel(s.User.TenantID, s.User.ID)}
	if s.User.Mail != "" {
		labels = append(labels, mailLabel(s.User.TenantID, s.User.Mail))
	}
	if s.EntraSession != "" {
		labels = append(labels, entraSessionLabel(s.EntraSession))
	}
	return labels
}

// enlist makes a session findable again, and ends the oldest of its user if there are
// too many.
func (a *Auth) enlist(ctx context.Context, s *session) error {
	dropped, err := a.records.Enlist(ctx, s.recordName, s.User.ExpiresAt, maxSessionsOfUser, s.labels()...)
	if err != nil {
		return storageUnavailable(err)
	}
	return a.endTooMany(ctx, s, dropped)
}

// endTooMany ends the sessions for which a session has left no place among its user's.
func (a *Auth) endTooMany(ctx context.Context, s *session, dropped []string) error {
	for _, name := range dropped {
		if err := a.end(ctx, name); err != nil {
			return err
		}
		a.audit(ctx, slog.LevelInfo, auditSessionEnded, s, slog.String("by", "too_many"))
	}
	return nil
}

// delist is the end of being found. What it misses is skipped when it is found dead.
func (a *Auth) delist(ctx context.Context, s *session) {
	if err := a.records.Delist(ctx, s.recordName, s.labels()...); err != nil {
		a.log.LogAttrs(ctx, slog.LevelDebug, "ended session still listed", slog.Any("error", storageUnavailable(err)))
	}
}
