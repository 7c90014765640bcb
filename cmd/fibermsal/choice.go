package main

import (
	"context"
	"errors"
	"flag"
	"iter"
	"time"

	"github.com/fibermsal/fibermsal"
)

// choice is which sessions a command is about. All that is said must apply.
type choice struct {
	id, tenant, user, mail string
	before                 moment
	nobody                 bool // has that mail address
}

func (ch *choice) flags(set *flag.FlagSet) {
	set.StringVar(&ch.id, "id", "", "the session with this `id`")
	set.StringVar(&ch.mail, "mail", "", "those of the user with exactly this mail `address`, which sessions have only from graph.Profile or the claim email")
	set.StringVar(&ch.user, "user", "", "those of the user with this object `id`")
	set.StringVar(&ch.tenant, "tenant", "", "those of users of the tenant with this `id`")
	set.Var(&ch.before, "before", "those that began before this `time`: 2026-01-31 (local), 2026-01-31T18:00:00Z, 12h (ago) or now")
}

func (ch *choice) check() error {
	if ch.mail != "" && (ch.user != "" || ch.tenant != "") {
		return errors.New("-mail stands for a user: leave -user and -tenant out")
	}
	return nil
}

// none reports whether everything is chosen because nothing was said.
func (ch *choice) none() bool { return *ch == choice{} }

// narrowed replaces the mail address by whose it is.
func (ch choice) narrowed(ctx context.Context, t *tool) (choice, error) {
	if ch.mail == "" {
		return ch, nil
	}
	if t.cfg.AnyTenantMaySignIn {
		return ch, errors.New("where any tenant may sign in, a mail address says nothing: say -tenant and -user")
	}
	u, err := t.auth.UserByMail(ctx, ch.mail)
	var e *fibermsal.Error
	switch {
	case errors.As(err, &e) && e.Reason == "mail_in_two_tenants":
		return ch, errors.New("users of several tenants have this mail address: say -tenant and -user")
	case errors.Is(err, fibermsal.ErrNoSession):
		ch.nobody = true
	case err != nil:
		return ch, err
	default:
		ch.tenant, ch.user = u.TenantID, u.ID
	}
	ch.mail = ""
	return ch, nil
}

// sessions are those that are chosen. With a tenant and a user they are found at once;
// with only one of the two, all have to be read.
func (ch choice) sessions(ctx context.Context, t *tool) iter.Seq2[fibermsal.SessionInfo, error] {
	filter := fibermsal.SessionFilter{ID: ch.id, Before: ch.before.Time}
	if ch.tenant != "" && ch.user != "" {
		filter.TenantID, filter.UserID = ch.tenant, ch.user
	}
	return func(yield func(fibermsal.SessionInfo, error) bool) {
		if ch.nobody {
			return
		}
		for s, err := range t.auth.Sessions(ctx, filter) {
			other := (ch.tenant != "" && ch.tenant != s.User.TenantID) || (ch.user != "" && ch.user != s.User.ID)
			if err == nil && other {
				continue
			}
			if !yield(s, err) {
				return
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
