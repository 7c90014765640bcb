package fibermsal

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fibermsal/fibermsal/internal/mailaddr"
	"github.com/fibermsal/fibermsal/internal/record"
)

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
	// timeout, and IdleAt when it ends if it is not used again. Both are zero for a
	// session that an earlier version wrote to a storage that is not Redis.
	LastSeenAt, IdleAt time.Time
}

// SessionFilter selects sessions. Its fields must all apply; the zero value selects all.
type SessionFilter struct {
	// ID is that of one session.
	ID string
	// TenantID is that of the users' tenant.
	TenantID string
	// UserID is the object id of one user. It needs TenantID.
	UserID string
	// Mail is the whole mail address that was known at sign-in, whose case does not matter.
	// It selects the sessions of all users who have it, in the tenants that may sign in,
	// and needs TenantID where any tenant may.
	Mail string
	// Before is the time before which the session must have begun; zero is any.
	Before time.Time
}

// errNoFilter keeps a forgotten filter from signing everybody out.
var errNoFilter = errors.New("fibermsal: EndSessions needs a SessionFilter; to end all, set Before to now")

// checked returns a copy, for a request may have brought the texts (trap T10), in the
// spelling of sessions.
func (f SessionFilter) checked(anyTenant bool) (SessionFilter, error) {
	f.ID, f.TenantID, f.UserID = strings.Clone(f.ID), strings.ToLower(strings.Clone(f.TenantID)), strings.ToLower(strings.Clone(f.UserID))
	if f.UserID != "" && f.TenantID == "" {
		return f, errors.New("fibermsal: SessionFilter.UserID needs TenantID")
	}
	if f.Mail == "" {
		return f, nil
	}
	if f.TenantID == "" && anyTenant {
		return f, errors.New("fibermsal: SessionFilter.Mail needs TenantID where any tenant may sign in")
	}
	var ok bool
	if f.Mail, ok = mailaddr.Normalize(strings.Clone(f.Mail)); !ok {
		return f, errors.New("fibermsal: SessionFilter.Mail is no mail address")
	}
	return f, nil
}

func (f SessionFilter) selects(s *session) bool {
	return (f.ID == "" || f.ID == s.recordName) &&
		(f.TenantID == "" || f.TenantID == s.User.TenantID) && (f.UserID == "" || f.UserID == s.User.ID) &&
		(f.Mail == "" || f.Mail == s.User.Mail) &&
		(f.Before.IsZero() || s.User.SignedInAt.Before(f.Before))
}

// Sessions returns the sessions that a filter selects: of a user or a mail address the
// newest first, of all in no order. It reads some dozen at the same time and remembers
// none, so a million of them need no more memory than these. On a storage that is not
// Redis, sessions are found by the process that has served them since it began. Those of
// another PublicURL are not among them.
//
// An error ends the sequence, and is an [*Error] if the storage failed.
func (a *Auth) Sessions(ctx context.Context, filter SessionFilter) iter.Seq2[SessionInfo, error] {
	return func(yield func(SessionInfo, error) bool) {
		filter, err := filter.checked(a.cfg.AnyTenantMaySignIn)
		if err != nil {
			yield(SessionInfo{}, err)
			return
		}
		find := func(name string) (*SessionInfo, error) {
			s, err := a.read(ctx, name)
			if err != nil || s == nil || !filter.selects(s) {
				return nil, err
			}
			return a.describe(ctx, s)
		}
		for info, err := range inParallel(a.candidates(ctx, filter, nil), find) {
			switch {
			case err != nil:
				yield(SessionInfo{}, err)
				return
			case info != nil && !yield(*info, nil):
				return
			}
		}
	}
}

// EndSessions ends the sessions that a filter selects, on all instances at once, and
// returns how many. A sign-in that is under way meanwhile begins no session, and one that
// arrives milliseconds later may be refused, unless the filter names one session by its ID.
// What an error kept from ending has not ended; if Redis takes no writes, all that it deletes
// has ended, and the error says that sign-ins under way may still begin. The filter must say
// something. Users are not signed out of Entra, whose refresh tokens are dropped and not revoked.
func (a *Auth) EndSessions(ctx context.Context, filter SessionFilter) (int, error) {
	if filter == (SessionFilter{}) {
		return 0, errNoFilter
	}
	filter, err := filter.checked(a.cfg.AnyTenantMaySignIn)
	if err != nil {
		return 0, err
	}
	var ended atomic.Int64
	end := func(name string) (struct{}, error) {
		s, err := a.read(ctx, name)
		if err != nil || s == nil || !filter.selects(s) {
			return struct{}{}, err
		}
		if err := a.end(ctx, s.recordName); err != nil {
			return struct{}{}, err
		}
		ended.Add(1)
		a.delist(ctx, s)
		a.countSignOut(ctx, auditSessionEnded, s, "app")
		return struct{}{}, nil
	}
	for _, err := range inParallel(a.candidates(ctx, filter, filter.age), end) {
		if err != nil {
			return int(ended.Load()), err
		}
	}
	return int(ended.Load()), nil
}

// age is how long ago what the filter ends has begun, at least.
func (f SessionFilter) age() time.Duration {
	if f.Before.IsZero() {
		return 0
	}
	return max(0, time.Since(f.Before))
}

// candidates are the names of the records that a filter may select. If they are to end,
// age says how old they are at least, and sign-ins under way that are as old are refused
// from before the moment the names are looked up.
func (a *Auth) candidates(ctx context.Context, filter SessionFilter, age func() time.Duration) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		lists, err := a.listsOf(ctx, filter)
		if err != nil {
			yield("", err)
			return
		}
		if filter.ID != "" {
			yield(filter.ID, nil)
			return
		}
		var unmarked error // a Redis without memory takes no mark, and deletes sessions all the same
		for _, list := range lists {
			if age != nil {
				unmarked = cmp.Or(unmarked, list.mark(age()))
			}
			names, err := list.names()
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
		if unmarked != nil {
			yield("", storageUnavailable(unmarked))
		}
	}
}

// list is one by which sessions are found, and by which those that have not begun yet are
// refused.
type list struct {
	names func() ([]string, error)
	mark  func(age time.Duration) error
}

// listsOf are the lists on which everything is that a filter may select.
func (a *Auth) listsOf(ctx context.Context, filter SessionFilter) (lists []list, err error) {
	by := func(label record.Label) list {
		return list{
			names: func() ([]string, error) { return a.records.Listed(ctx, label) },
			mark:  func(age time.Duration) error { return a.records.Mark(ctx, label, age) },
		}
	}
	switch {
	case filter.ID != "":
		return nil, nil
	case filter.UserID != "":
		return []list{by(userLabel(filter.TenantID, filter.UserID))}, nil
	case filter.Mail != "":
		tenants := []string{filter.TenantID}
		if filter.TenantID == "" {
			tenants, err = a.tenants(ctx)
		}
		for _, tenant := range tenants {
			lists = append(lists, by(mailLabel(tenant, filter.Mail)))
		}
		return lists, err
	}
	var scope record.Label
	if filter.TenantID != "" {
		scope = tenantLabel(filter.TenantID)
	}
	for part := range a.records.Shards() {
		lists = append(lists, list{
			names: func() ([]string, error) { return a.records.ListedIn(ctx, part) },
			mark:  func(age time.Duration) error { return a.records.MarkPart(ctx, part, scope, age) },
		})
	}
	return lists, nil
}

func (a *Auth) listed(ctx context.Context, label record.Label) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		names, err := a.records.Listed(ctx, label)
		if err != nil {
			yield("", storageUnavailable(err))
			return
		}
		each(names)(yield)
	}
}

// read returns a session by its name, or nil if it is over or another app's. It does not
// prolong it.
func (a *Auth) read(ctx context.Context, name string) (*session, error) {
	if a.ended.has(name) {
		return nil, nil
	}
	box, err := a.records.Sealed(ctx, name, record.Session)
	if errors.Is(err, record.ErrNotFound) || errors.Is(err, record.ErrCorrupt) {
		return nil, nil
	}
	if err != nil {
		return nil, storageUnavailable(err)
	}
	s, err := a.parse(name, box)
	if err != nil || !a.isOwn(s) || !time.Now().Before(s.User.ExpiresAt) {
		return nil, nil //nolint:nilerr // who carries its cookie finds out
	}
	return s, nil
}

func (a *Auth) describe(ctx context.Context, s *session) (*SessionInfo, error) {
	info := &SessionInfo{ID: s.recordName, User: *s.User.clone(), AuthenticatedAt: s.AuthenticatedAt, Browser: s.Browser}
	life, err := a.records.Life(ctx, s.recordName, record.Session)
	if err != nil {
		return nil, storageUnavailable(err)
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

// tenantLabel is that of no list, but of the marks about a tenant.
func tenantLabel(tenant string) record.Label { return record.NewLabel("tenant", tenant) }

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
	excess, err := a.records.Enlist(ctx, s.recordName, s.User.ExpiresAt, a.cfg.MaxSessionsPerUser, s.labels()...)
	if err != nil {
		return storageUnavailable(err)
	}
	return a.endTooMany(ctx, s, excess)
}

// endTooMany ends the sessions for which a session has left no place among its user's
// (threat E12). They leave the lists when they have ended: what goes wrong before that,
// the user's next sign-in makes up for.
func (a *Auth) endTooMany(ctx context.Context, s *session, excess []string) error {
	if len(excess) == 0 {
		return nil
	}
	excess, err := a.withoutGone(ctx, s, excess)
	if err != nil {
		return err
	}
	end := func(name string) (struct{}, error) {
		old, err := a.read(ctx, name)
		if err == nil {
			err = a.end(ctx, name)
		}
		if err != nil {
			return struct{}{}, err
		}
		if old == nil {
			old = &session{User: s.User, EntraSession: s.EntraSession, recordName: name} // most likely on the same lists
		} else {
			a.audit(ctx, slog.LevelInfo, auditSessionEnded, old, slog.String("by", "too_many"))
		}
		a.delist(ctx, old)
		return struct{}{}, nil
	}
	for _, err := range inParallel(each(excess), end) {
		if err != nil {
			return err
		}
	}
	return nil
}

// withoutGone returns those of the excess that are too many although sessions that ended by
// their idle timeout, which stay listed, take no place. These leave the lists.
func (a *Auth) withoutGone(ctx context.Context, s *session, excess []string) ([]string, error) {
	label := s.labels()[0]
	listed, err := a.records.Listed(ctx, label)
	if err != nil {
		return nil, storageUnavailable(err)
	}
	look := func(name string) (gone string, err error) {
		_, err = a.records.Sealed(ctx, name, record.Session)
		if !errors.Is(err, record.ErrNotFound) {
			return "", nil // or whoever ends it finds out
		}
		_ = a.records.Delist(ctx, name, label) // or the next one does
		return name, nil
	}
	over := len(excess)
	for name, err := range inParallel(each(listed), look) {
		switch {
		case err != nil:
			return nil, err
		case name == "":
		default:
			over--
			excess = slices.DeleteFunc(excess, func(other string) bool { return other == name })
		}
	}
	return excess[:max(0, min(len(excess), over))], nil
}

// delist is the end of being found. What it misses is skipped when it is found dead.
func (a *Auth) delist(ctx context.Context, s *session) {
	if err := a.records.Delist(ctx, s.recordName, s.labels()...); err != nil {
		a.log.LogAttrs(ctx, slog.LevelDebug, "ended session still listed", slog.Any("error", storageUnavailable(err)))
	}
}
