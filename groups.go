package fibermsal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/trace"
)

const (
	// groupsFor is how long an answer about memberships counts.
	groupsFor = 5 * time.Minute
	// groupsTimeout bounds the question.
	groupsTimeout = 5 * time.Second
)

// InGroup passes if the user is a member of one of the groups, by their object ids,
// also through other groups. Others get [ErrForbidden].
//
// The registration's groups claim decides where there is one. Where there is none, or
// the user has more groups than Entra puts into it, Config.Groups is asked, and its
// answer counts for five minutes; without Config.Groups nobody passes then.
func InGroup(ids ...string) Check {
	ids = lowered(ids)
	key := fmt.Sprintf("%q", ids) // none of two is of one with a space
	return func(c *fiber.Ctx, _ *User) error {
		r := requestOf(c)
		if r == nil || r.session == nil {
			return notMounted("InGroup")
		}
		s := r.session
		if overlap(ids, lowered(s.Groups)) {
			return nil
		}
		if len(s.Groups) > 0 && !s.GroupsElsewhere {
			return notInGroup(ids)
		}
		return r.auth.memberOf(c.UserContext(), s, ids, key)
	}
}

func notInGroup(ids []string) error {
	return ErrForbidden.because("group", fmt.Errorf("needs one of the groups %q", ids))
}

func lowered(ids []string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = strings.Clone(strings.ToLower(id)) // it may be a request's, and is kept (trap T10)
	}
	return out
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// memberOf asks who knows the user's groups, unless that is remembered.
func (a *Auth) memberOf(ctx context.Context, s *session, ids []string, key string) error {
	if a.cfg.Groups == nil {
		return ErrForbidden.because("groups_unknown", errors.New("the id_token does not tell the groups of the user: add the groups claim to the registration, or set Config.Groups"))
	}
	member, known := a.sessions.membership(s.recordName, key)
	if !known {
		span := trace.SpanContextFromContext(ctx)
		asked := a.memberships.Begin(s.recordName+"\x00"+key, func() (any, error) { //nolint:contextcheck // a caller's end is its own
			return a.askGroups(span, s, ids, key)
		})
		var err error
		if member, err = awaited[bool](ctx, groupsTimeout+time.Second, asked); err != nil {
			return err
		}
	}
	if !member {
		return notInGroup(ids)
	}
	return nil
}

// askGroups runs in a goroutine of its own, once for all who ask the same of a session
// at the same time. Of the first caller's context it takes the span alone (trap T13).
func (a *Auth) askGroups(span trace.SpanContext, s *session, ids []string, key string) (member bool, err error) {
	defer func() {
		if p := recover(); p != nil { // of the app's Groups: here it would pass every other recover
			member, err = false, ErrMisconfigured.because("panic", fmt.Errorf("panic: %v", p))
		}
	}()
	if !a.calls.begin() {
		return false, entraUnavailable("closed", nil)
	}
	defer a.calls.done()
	// The last flight may have landed between a caller's look and this one.
	if member, known := a.sessions.membership(s.recordName, key); known {
		return member, nil
	}
	ctx, cancel := context.WithTimeout(trace.ContextWithSpanContext(context.Background(), span), groupsTimeout)
	defer cancel()
	of, err := a.cfg.Groups(ctx, a.credentialOf(s), slices.Clone(ids))
	if err != nil {
		return false, groupsFailed(err)
	}
	member = overlap(ids, lowered(of))
	a.sessions.remember(s.recordName, key, member)
	return member, nil
}

// groupsFailed keeps what a sign-in or waiting mends; all else is no permission.
func groupsFailed(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	unavailable := ErrUnavailable.because("groups_failed", err)
	unavailable.RetryAfter = retrySoon
	return unavailable
}

// credentialOf gives the tokens of a session.
func (a *Auth) credentialOf(s *session) *credential {
	return &credential{auth: a, session: s, tokens: &recordedTokens{auth: a, session: s}}
}
