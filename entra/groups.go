package entra

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/background"
	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/flight"
	"github.com/fibermsal/fibermsal/internal/session"
)

const (
	// membershipsFor is how long a result of Config.Groups is cached.
	membershipsFor = 5 * time.Minute
	// groupsTimeout is the time limit of Config.Groups.
	groupsTimeout = 5 * time.Second
	// maxMemberships is how many results are cached for a session, and membershipSize is the
	// approximate size of one in bytes, without its key.
	maxMemberships = 64
	membershipSize = 256
)

func notInGroup(ids []string) error {
	return autherr.Forbidden.New("group", fmt.Errorf("needs one of the groups %q", ids))
}

func lowered(ids []string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = strings.Clone(strings.ToLower(id)) // it may alias a request's buffer (trap T10)
	}
	return out
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// namesOtherThan reports whether a groups claim contains names although a check uses IDs. A
// registration can be configured to emit the names of groups that are synchronized with an on-premises
// directory.
func namesOtherThan(claim, ids []string) bool {
	isName := func(group string) bool { return !discovery.IsGUID(group) }
	return slices.ContainsFunc(claim, isName) && !slices.ContainsFunc(ids, isName)
}

// groups gets memberships from Config.Groups and caches them.
type groups struct {
	// lookup is Config.Groups, or nil.
	lookup     func(ctx context.Context, user azcore.TokenCredential, ids []string) ([]string, error)
	sessions   *session.Cache
	callers    *session.Cache // of access tokens
	background *background.Group
	flights    flight.Group
}

// memberships are the cached results for a session, by the groups that were checked. The map is
// immutable.
type memberships map[string]membership

type membership struct {
	member bool
	until  time.Time
}

var membershipsAttachment = session.Attachment{Kind: "groups"}

// check returns nil if the user of a session, who has a credential, is a member of one of the groups.
func (g *groups) check(ctx context.Context, s *session.Session, ids []string, key string, credential func() azcore.TokenCredential) error {
	if s.User.AppOnly {
		return notInGroup(ids) // there is no user whose groups could be looked up
	}
	if g.lookup == nil {
		return autherr.Forbidden.New("groups_unknown", errors.New("the id_token does not contain the groups of the user: add the groups claim to the registration, or set Config.Groups"))
	}
	member, ok := g.remembered(s, key)
	if !ok {
		user := credential()
		span := trace.SpanContextFromContext(ctx)
		answer := g.flights.Begin(s.ID+"\x00"+key, func() (any, error) { //nolint:contextcheck // a caller's end is its own
			return g.callGroups(span, s, user, ids, key)
		})
		var err error
		if member, err = flight.Await[bool](ctx, groupsTimeout+time.Second, answer, autherr.GaveUp); err != nil {
			return err
		}
	}
	if !member {
		return notInGroup(ids)
	}
	return nil
}

// callGroups calls Config.Groups in a separate goroutine, once for all concurrent callers that check
// the same groups for the same session. It uses only the span of the first caller's context (trap T13).
func (g *groups) callGroups(span trace.SpanContext, s *session.Session, user azcore.TokenCredential, ids []string, key string) (member bool, err error) {
	defer func() {
		if p := recover(); p != nil { // nothing else would recover from a panic in Config.Groups
			member, err = false, autherr.Panicked(p)
		}
	}()
	if !g.background.Begin() {
		return false, autherr.TryLater("closed", nil)
	}
	defer g.background.Done()
	// Another call may have ended after the caller checked.
	if member, ok := g.remembered(s, key); ok {
		return member, nil
	}
	ctx, cancel := context.WithTimeout(trace.ContextWithSpanContext(context.Background(), span), groupsTimeout)
	defer cancel()
	of, err := g.lookup(ctx, user, slices.Clone(ids))
	if err != nil {
		return false, groupsFailure(err)
	}
	member = overlap(ids, lowered(of))
	g.remember(s, key, member)
	return member, nil
}

// groupsFailure returns an Error unchanged, because a sign-in or waiting may fix it.
func groupsFailure(err error) error {
	if e, ok := autherr.Find(err); ok {
		return e
	}
	return autherr.TryLater("groups_failed", err)
}

// memoryOf returns the cache that contains a session.
func (g *groups) memoryOf(s *session.Session) *session.Cache {
	if s.Token != nil {
		return g.callers
	}
	return g.sessions
}

func (g *groups) remembered(s *session.Session, key string) (member, ok bool) {
	all, _ := g.memoryOf(s).Attached(s.ID, membershipsAttachment).(memberships)
	m, ok := all[key]
	return m.member, ok && time.Now().Before(m.until)
}

func (g *groups) remember(s *session.Session, key string, member bool) {
	g.memoryOf(s).Attach(s.ID, membershipsAttachment, func(old any) (any, int) {
		all, _ := old.(memberships)
		all = all.with(key, membership{member, time.Now().Add(membershipsFor)})
		size := 0
		for name := range all {
			size += membershipSize + len(name)
		}
		return all, size
	})
}

// with returns a copy without expired results and, if there is room, with a further result.
func (m memberships) with(key string, added membership) memberships {
	next := maps.Clone(m)
	if next == nil {
		next = make(memberships)
	}
	now := time.Now()
	maps.DeleteFunc(next, func(_ string, m membership) bool { return !now.Before(m.until) })
	if _, present := next[key]; present || len(next) < maxMemberships {
		next[key] = added
	}
	return next
}
