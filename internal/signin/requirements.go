package signin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/idtoken"
)

// satisfied checks whether the ID token and the time at which the user authenticated satisfy the
// requirements of the sign-in, because users can remove the request for a password or a second factor
// from the authorize URL.
func satisfied(r flow.Requirements, claims *idtoken.Claims, authenticatedAt time.Time) error {
	if r.User != "" && r.User != claims.ObjectID {
		return errAnotherUser()
	}
	if r.AuthContext != "" && !slices.ContainsFunc(claims.AuthContexts, func(id string) bool { return strings.EqualFold(id, r.AuthContext) }) {
		return autherr.Rejected.New("auth_context_missing", errors.New("the id_token does not name the authentication context "+r.AuthContext))
	}
	switch {
	case r.MaxAge == 0:
		return nil
	case authenticatedAt.IsZero():
		return autherr.Rejected.New("auth_time_missing", errors.New("the check needs the claim auth_time: add it to the registration's ID token as an optional claim"))
	case !AuthenticatedWithin(authenticatedAt, r.MaxAge):
		return autherr.Rejected.New("not_reauthenticated", fmt.Errorf(
			"the user authenticated %v ago by this machine's clock, and the maximum age is %d s", time.Since(authenticatedAt).Round(time.Second), r.MaxAge))
	}
	return nil
}

// authenticatedAt returns when the user last authenticated, or zero if the ID token does not contain
// it. Entra's auth_time is the time of the password. If that was during this attempt, the user may have
// needed the time since then for the second factor, so the time of Entra's response is returned.
func authenticatedAt(c *idtoken.Claims, attempt *flow.Attempt, answered time.Time) time.Time {
	at, known := c.AuthenticatedAt()
	switch {
	case !known:
		return time.Time{}
	case at.Before(attempt.StartedAt()), at.After(answered.Add(authority.ClockSkew)):
		return at
	}
	return answered
}

// AuthenticatedWithin reports whether a user authenticated at most the given number of seconds ago. The
// check on a route and the sign-in that it starts share this rule, because with different rules a page
// could require a sign-in again and again. A time in the future is accepted as far as clocks may
// differ. The zero time means unknown.
func AuthenticatedWithin(at time.Time, seconds int64) bool {
	age := time.Since(at)
	return !at.IsZero() && -authority.ClockSkew <= age && age <= time.Duration(seconds)*time.Second
}
