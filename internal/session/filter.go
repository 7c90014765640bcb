package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/mailaddr"
	"github.com/fibermsal/fibermsal/internal/record"
)

// Filter selects sessions. All its fields must match; the zero value selects all sessions.
type Filter struct {
	ID       string
	TenantID string
	UserID   string
	Mail     string
	Before   time.Time // before which the session must have begun
	Part     int       // 1 to Parts, or 0 for all
}

// Parts is the number of parts into which all sessions are divided.
const Parts = record.Shards

// checked validates a filter and returns a copy with normalized values. Strings are cloned, because
// they may come from a request (trap T10).
func (f Filter) checked(anyTenant bool) (Filter, error) {
	f.ID, f.TenantID, f.UserID = strings.Clone(f.ID), strings.ToLower(strings.Clone(f.TenantID)), strings.ToLower(strings.Clone(f.UserID))
	if f.UserID != "" && f.TenantID == "" {
		return f, errors.New("fibermsal: SessionFilter.UserID needs TenantID")
	}
	if f.Part != 0 && (f.Part < 0 || f.Part > Parts || f.ID != "" || f.UserID != "" || f.Mail != "") {
		return f, fmt.Errorf("fibermsal: SessionFilter.Part must be between 1 and %d, without ID, UserID and Mail", Parts)
	}
	if f.Mail == "" {
		return f, nil
	}
	if f.TenantID == "" && anyTenant {
		return f, errors.New("fibermsal: SessionFilter.Mail needs TenantID where any tenant may sign in")
	}
	var ok bool
	if f.Mail, ok = mailaddr.Normalize(strings.Clone(f.Mail)); !ok {
		return f, errors.New("fibermsal: SessionFilter.Mail is not a mail address")
	}
	return f, nil
}

func (f Filter) selects(s *Session) bool {
	return (f.ID == "" || f.ID == s.ID) &&
		(f.TenantID == "" || f.TenantID == s.User.TenantID) && (f.UserID == "" || f.UserID == s.User.ID) &&
		(f.Mail == "" || f.Mail == s.User.Mail) &&
		(f.Before.IsZero() || s.User.SignedInAt.Before(f.Before))
}

// minAge returns the minimum age of the selected sessions.
func (f Filter) minAge() time.Duration {
	if f.Before.IsZero() {
		return 0
	}
	return max(0, time.Since(f.Before))
}

// list is an index in which sessions are found and for which sign-ins in progress can be refused.
type list struct {
	ids  func() ([]string, error)
	mark func(age time.Duration) error
}

// candidates yields the IDs of the sessions that a filter may select. If refuse is set, because the
// sessions are about to end, sign-ins in progress that the filter would select are refused, beginning
// before the IDs are looked up.
func (s *Store) candidates(ctx context.Context, f Filter, refuse bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if f.ID != "" {
			yield(f.ID, nil)
			return
		}
		lists, err := s.listsOf(ctx, f)
		if err != nil {
			yield("", err)
			return
		}
		var unmarked error // if Redis is out of memory, marks fail but deleting works
		for _, l := range lists {
			if refuse {
				unmarked = cmp.Or(unmarked, l.mark(f.minAge()))
			}
			ids, err := l.ids()
			if err != nil {
				yield("", autherr.StorageUnavailable(err))
				return
			}
			for _, id := range ids {
				if !yield(id, nil) {
					return
				}
			}
		}
		if unmarked != nil {
			yield("", autherr.StorageUnavailable(unmarked))
		}
	}
}

// listsOf returns the indexes that contain all sessions that a filter may select.
func (s *Store) listsOf(ctx context.Context, f Filter) (lists []list, err error) {
	switch {
	case f.UserID != "":
		return []list{s.listOf(ctx, userLabel(f.TenantID, f.UserID))}, nil
	case f.Mail != "":
		tenants := []string{f.TenantID}
		if f.TenantID == "" {
			tenants, err = s.Tenants(ctx)
		}
		for _, tenant := range tenants {
			lists = append(lists, s.listOf(ctx, mailLabel(tenant, f.Mail)))
		}
		return lists, err
	}
	var tenant record.Label
	if f.TenantID != "" {
		tenant = tenantLabel(f.TenantID)
	}
	for shard := range s.Records.Shards() {
		if f.Part != 0 && f.Part != shard+1 {
			continue
		}
		lists = append(lists, list{
			ids:  func() ([]string, error) { return s.Records.ListedIn(ctx, shard) },
			mark: func(age time.Duration) error { return s.Records.MarkShard(ctx, shard, tenant, age) },
		})
	}
	return lists, nil
}

func (s *Store) listOf(ctx context.Context, label record.Label) list {
	return list{
		ids:  func() ([]string, error) { return s.Records.Listed(ctx, label) },
		mark: func(age time.Duration) error { return s.Records.Mark(ctx, label, age) },
	}
}
