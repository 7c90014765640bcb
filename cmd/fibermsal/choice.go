package main

import (
	"context"
	"errors"
	"flag"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/mailaddr"
)

// choice contains the flags that select sessions. A session must match all flags that are given.
type choice struct {
	id, tenant, user, mail string
	before                 moment
}

func (ch *choice) flags(set *flag.FlagSet) {
	set.StringVar(&ch.id, "id", "", "the session with this `id`")
	set.StringVar(&ch.mail, "mail", "", "the sessions of all users with exactly this mail `address`; sessions have an address only with graph.Profile or the optional claim email")
	set.StringVar(&ch.user, "user", "", "the sessions of the user with this object `id`")
	set.StringVar(&ch.tenant, "tenant", "", "the sessions of users of the tenant with this `id`")
	set.Var(&ch.before, "before", "the sessions that began before this `time`: 2026-01-31 (local), 2026-01-31T18:00:00Z, 12h (ago) or now")
}

func (ch *choice) check() error {
	if ch.mail == "" {
		return nil
	}
	if ch.user != "" {
		return errors.New("-mail already selects users; leave -user out")
	}
	if _, ok := mailaddr.Normalize(ch.mail); !ok {
		return errors.New("-mail must be a complete mail address")
	}
	return nil
}

// isEmpty reports whether no flag was given, which selects all sessions.
func (ch *choice) isEmpty() bool { return *ch == choice{} }

// filters returns the filters for the flags. The library identifies a user together with the tenant. If
// no tenant was given, there is a filter for each tenant to which the user may belong.
func (ch *choice) filters(ctx context.Context, t *tool) ([]entra.SessionFilter, error) {
	filter := entra.SessionFilter{ID: ch.id, TenantID: ch.tenant, UserID: ch.user, Mail: ch.mail, Before: ch.before.Time}
	if ch.mail != "" && ch.tenant == "" && t.cfg.AnyTenantMaySignIn {
		return nil, errors.New("a mail address is not unique if any tenant may sign in; add -tenant, or use -tenant and -user")
	}
	if ch.user == "" || ch.tenant != "" {
		return []entra.SessionFilter{filter}, nil
	}
	tenants, err := ch.tenants(ctx, t)
	var filters []entra.SessionFilter
	for _, filter.TenantID = range tenants {
		filters = append(filters, filter)
	}
	return filters, err
}

// tenants returns the tenants to which the user may belong: those whose users may sign in, or else
// those in which the user has a session.
func (ch *choice) tenants(ctx context.Context, t *tool) (tenants []string, err error) {
	if len(t.cfg.AllowedTenants) > 0 && !t.cfg.PersonalAccountsMaySignIn {
		return t.cfg.AllowedTenants, nil
	}
	authority := t.cfg.Authority[strings.LastIndex(strings.TrimRight(t.cfg.Authority, "/"), "/")+1:]
	if tenant := strings.TrimRight(t.cfg.TenantID+authority, "/"); discovery.IsGUID(tenant) {
		return []string{tenant}, nil
	}
	err = t.stepsOf([]entra.SessionFilter{{}}, 1).try(ctx, "searched", func(ctx context.Context, filter entra.SessionFilter) (n int, err error) {
		for s, err := range t.service.Sessions(ctx, filter) {
			if err != nil {
				return n, err
			}
			if n++; strings.EqualFold(s.User.ID, ch.user) && !slices.Contains(tenants, s.User.TenantID) {
				tenants = append(tenants, s.User.TenantID)
			}
		}
		return n, nil
	})
	if isMissingKeys(err) {
		err = nil // reported after the sessions of these tenants have been found
	}
	return tenants, err
}
