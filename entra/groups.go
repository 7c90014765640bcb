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
	"github.com/fibermsal/fibermsal/internal/web"
)

const (
	// membershipsFor is how long an answer about memberships is remembered.
	membershipsFor = 5 * time.Minute
	// groupsTimeout bounds Config.Groups.
	groupsTimeout = 5 * time.Second
	// maxMemberships bounds the sets of groups that are remembered for a session, and
	// membershipSize is about what one of them occupies beside its name.
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

// namesOtherThan reports whether a groups claim has names although the groups of a check are IDs: a
// registration can be set to emit the names of groups that are synchronized with a directory.
func namesOtherThan(claim, ids []string) bool {
	isName := func(group string) bool { return !discovery.IsGUID(group) }
	return slices.ContainsFunc(claim, isName) && !slices.ContainsFunc(ids, isName)
}

// groups gets memberships from the app and remembers them.
type groups struct {
	// lookup is Config.Groups, or nil.
	lookup     func(ctx context.Context, user azcore.TokenCredential, ids []string) ([]string, error)
	sessions   *session.Cache
	callers    *session.Cache // of access tokens
	background *background.Group
	flights    flight.Group
}

// memberships are the results that are remembered for a session, by the groups that were checked.
// The map is immutable.
type memberships map[string]membership

type membership struct {
	member bool
	until  time.Time
}

var membershipsAttachment = session.Attachment{Kind: "groups"}

// check returns nil if the user of a session is a member of one of the groups.
func (g *groups) check(v *web.Visit, s *session.Session, ids []string, key string) error {
	ctx := v.Exchange.Context()
	if s.User.AppOnly {
		return notInGroup(ids) // no user, whose groups could be looked up
	}
	if g.lookup == nil {
		return autherr.Forbidden.New("groups_unknown", errors.New("the id_token does not contain the groups of the user: add the groups claim to the registration, or set Config.Groups"))
	}
	member, ok := g.remembered(s, key)
	if !ok {
		user := serviceOf(v).credentialIn(v, s)
		span := trace.SpanContextFromContext(ctx)
		answer := g.flights.Begin(s.ID+"\x00"+key, func() (any, error) {
			return g.callGroups(span, user, ids, key)
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

// callGroups calls Config.Groups in a goroutine of its own, once for all concurrent callers that
// check the same groups of a session. It takes only the span from the first caller's context
// (trap T13).
func (g *groups) callGroups(span trace.SpanContext, user *userCredential, ids []string, key string) (member bool, err error) {
	s := user.session
	defer func() {
		if p := recover(); p != nil { // a panic of the app's Groups would reach no other recover
			member, err = false, autherr.Panicked(p)
		}
	}()
	if !g.background.Begin() {
		return false, autherr.TryLater("closed", nil)
	}
	defer g.background.Done()
	// The last call may have ended after the caller looked.
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

// groupsFailure keeps an Error, which a sign-in or waiting may fix.
func groupsFailure(err error) error {
	if e, ok := autherr.Find(err); ok {
		return e
	}
	return autherr.TryLater("groups_failed", err)
}

// memoryOf returns the cache that remembers a session.
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

// with returns a copy without expired results, and with one more if there is room for it.
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
