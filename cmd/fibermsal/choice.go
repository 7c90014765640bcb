package main

import (
	"context"
	"errors"
	"flag"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/mailaddr"
)

// choice is which sessions a command is about. All that is said must apply.
type choice struct {
	id, tenant, user, mail string
	before                 moment
}

func (ch *choice) flags(set *flag.FlagSet) {
	set.StringVar(&ch.id, "id", "", "the session with this `id`")
	set.StringVar(&ch.mail, "mail", "", "those of all users with exactly this mail `address`, which sessions have only from graph.Profile or the claim email")
	set.StringVar(&ch.user, "user", "", "those of the user with this object `id`")
	set.StringVar(&ch.tenant, "tenant", "", "those of users of the tenant with this `id`")
	set.Var(&ch.before, "before", "those that began before this `time`: 2026-01-31 (local), 2026-01-31T18:00:00Z, 12h (ago) or now")
}

func (ch *choice) check() error {
	if ch.mail == "" {
		return nil
	}
	if ch.user != "" {
		return errors.New("-mail stands for users: leave -user out")
	}
	if _, ok := mailaddr.Normalize(ch.mail); !ok {
		return errors.New("-mail must be a whole mail address")
	}
	return nil
}

// none reports whether everything is chosen because nothing was said.
func (ch *choice) none() bool { return *ch == choice{} }

// filters select what is chosen. The library knows users by their tenant: where it was not
// said, those that may sign in are taken, or those in which the user has a session.
func (ch *choice) filters(ctx context.Context, t *tool) ([]fibermsal.SessionFilter, error) {
	filter := fibermsal.SessionFilter{ID: ch.id, TenantID: ch.tenant, UserID: ch.user, Mail: ch.mail, Before: ch.before.Time}
	if ch.mail != "" && ch.tenant == "" && t.cfg.AnyTenantMaySignIn {
		return nil, errors.New("where any tenant may sign in, a mail address says nothing: say -tenant, or -tenant and -user")
	}
	if ch.user == "" || ch.tenant != "" {
		return []fibermsal.SessionFilter{filter}, nil
	}
	tenants, err := ch.tenants(ctx, t)
	var filters []fibermsal.SessionFilter
	for _, filter.TenantID = range tenants {
		filters = append(filters, filter)
	}
	return filters, err
}

// tenants are those that a user may be in.
func (ch *choice) tenants(ctx context.Context, t *tool) (tenants []string, err error) {
	if len(t.cfg.AllowedTenants) > 0 {
		return t.cfg.AllowedTenants, nil
	}
	authority := t.cfg.Authority[strings.LastIndex(strings.TrimRight(t.cfg.Authority, "/"), "/")+1:]
	if tenant := strings.TrimRight(t.cfg.TenantID+authority, "/"); discovery.IsGUID(tenant) {
		return []string{tenant}, nil
	}
	for s, err := range t.auth.Sessions(ctx, fibermsal.SessionFilter{}) {
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(s.User.ID, ch.user) && !slices.Contains(tenants, s.User.TenantID) {
			tenants = append(tenants, s.User.TenantID)
		}
	}
	return tenants, nil
}

// sessionsOf are the sessions that filters select.
func sessionsOf(ctx context.Context, t *tool, filters []fibermsal.SessionFilter) iter.Seq2[fibermsal.SessionInfo, error] {
	return func(yield func(fibermsal.SessionInfo, error) bool) {
		for _, filter := range filters {
			for s, err := range t.auth.Sessions(ctx, filter) {
				if !yield(s, err) || err != nil {
					return
				}
			}
		}
	}
}

// moment is a point in time as people write it.
type moment struct{ time.Time }

// String implements flag.Value.
func (m *moment) String() string {
	if m == nil || m.IsZero() {
		return ""
	}
	return m.Format(time.RFC3339)
}

// Set implements flag.Value.
func (m *moment) Set(text string) error {
	if text == "now" {
		m.Time = time.Now()
		return nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		m.Time = time.Now().Add(-ago)
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			m.Time = t
			return nil
		}
	}
	return errors.New("it must be like 2026-01-31, 2026-01-31T18:00:00Z, 12h or now")
}
