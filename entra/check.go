package entra

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/signin"
)

// Check decides whether a signed-in user may proceed: if it returns nil, the request proceeds. The
// middleware answers an [*Error] with its Status and Code; other errors go to the app's ErrorHandler. A
// Check may do I/O and is called concurrently; each call receives its own copy of user.
type Check[C Locals] func(c C, user *User) error

// Require returns a function that returns nil if the user of a request is signed in and passes all
// checks, which run in the given order. Behind RequireFrom, the user is the caller that RequireFrom
// accepted. It keeps a copy of checks.
func Require[C Locals](checks []Check[C]) func(c C) error {
	checks = slices.Clone(checks) // the caller's slice may be overwritten by an append
	return func(c C) error {
		_, s, err := signedIn(c, "Require")
		if err != nil {
			return err
		}
		return passes(c, s, checks)
	}
}

// passes returns the error of the first check that fails.
func passes[C Locals](c C, s *session.Session, checks []Check[C]) error {
	for _, check := range checks {
		if err := check(c, userOf(&s.User)); err != nil {
			return err
		}
	}
	return nil
}

// All passes if every check passes. All() without checks always passes.
func All[C Locals](checks ...Check[C]) Check[C] {
	checks = slices.Clone(checks)
	return func(c C, user *User) error {
		for _, check := range checks {
			if err := check(c, user.clone()); err != nil {
				return err
			}
		}
		return nil
	}
}

// Any passes if at least one check passes. The checks run in the given order. Any() without checks
// never passes. If no check passes, the error is the one that is easiest to recover from: preferably
// that the storage or Graph is unavailable, then an error that signing in can fix, then a refusal.
func Any[C Locals](checks ...Check[C]) Check[C] {
	checks = slices.Clone(checks)
	return func(c C, user *User) error {
		var failed error = autherr.Forbidden.New("no_check", nil)
		for i, check := range checks {
			err := check(c, user.clone())
			if err == nil {
				return nil
			}
			if i == 0 || errorRank(err) > errorRank(failed) {
				failed = err
			}
		}
		return failed
	}
}

// errorRank orders errors by how easy it is to recover from them. Failures (status 500 and above, and
// any error of the app) rank highest, because a refusal must not hide a check whose result is unknown.
func errorRank(err error) int {
	e, ok := autherr.Find(err)
	switch {
	case !ok, e.Status >= http.StatusInternalServerError:
		return 2
	case autherr.NeedsSignIn(e):
		return 1
	}
	return 0
}

// HasRole passes if the user has at least one of the app roles, which are given by their values in the
// registration. Otherwise the error is [ErrForbidden]. HasRole() without roles never passes.
func HasRole[C Locals](roles ...string) Check[C] {
	roles = slices.Clone(roles)
	return func(_ C, user *User) error {
		if slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(user.Roles, r) }) {
			return nil
		}
		return autherr.Forbidden.New("role", fmt.Errorf("needs one of the app roles %q", roles))
	}
}

// InGroup passes if the user is a direct or indirect member of at least one of the groups, which are
// given by their object IDs. Otherwise the error is [ErrForbidden].
//
// If the ID token has a groups claim, the claim decides. If there is no such claim, if the user has
// more groups than Entra puts into it, or if it contains names instead of IDs, Config.Groups is called
// and its result is cached for five minutes. If Config.Groups is not set, the check fails in these
// cases.
func InGroup[C Locals](ids ...string) Check[C] {
	ids = lowered(ids)
	key := fmt.Sprintf("%q", ids) // two names must not look like one with a space
	return func(c C, _ *User) error {
		v, s, err := signedIn(c, "InGroup")
		if err != nil {
			return err
		}
		if overlap(ids, lowered(s.Groups)) {
			return nil
		}
		if len(s.Groups) > 0 && !s.GroupsElsewhere && !namesOtherThan(s.Groups, ids) {
			return notInGroup(ids)
		}
		service := serviceOf(v)
		return service.groups.check(v.Exchange.Context(), s, ids, key, func() azcore.TokenCredential { return service.credentialIn(v, s) })
	}
}

// AuthenticatedWithin passes if the user authenticated within the given time. Having a session at Entra
// is not enough. Otherwise the error is [ErrClaimsChallenge], and the middleware starts a sign-in that
// makes the user authenticate again. The age is rounded up to whole seconds and measured with this
// machine's clock without tolerance; if the clock is fast by more than the age, the check always fails.
// For a user who authenticates because of this check, the time is when Entra's response arrives,
// however long the second factor took; otherwise it is when Entra accepted the password. The
// registration must add the optional claim auth_time to ID tokens; without it, the check always fails.
func AuthenticatedWithin[C Locals](age time.Duration) Check[C] {
	seconds := max(1, int64((age+time.Second-1)/time.Second))
	return sessionCheck[C]("AuthenticatedWithin", func(s *session.Session) error {
		if signin.AuthenticatedWithin(s.AuthenticatedAt, seconds) {
			return nil
		}
		return autherr.ClaimsChallenge.Requiring("max_age", nil, flow.Requirements{MaxAge: seconds})
	})
}

// HasAuthContext passes if the user has satisfied an authentication context of the tenant's Conditional
// Access, "c1" to "c99" in upper or lower case. Otherwise the error is [ErrClaimsChallenge], and the
// middleware starts a sign-in that requests the context. Entra lists the satisfied contexts in the
// claim acrs. HasAuthContext panics if the ID is invalid. An empty ID never passes.
//
// The tenant must have a policy for the context, and the policy must be on. Otherwise every user
// passes, because Entra then also lists the context as satisfied.
func HasAuthContext[C Locals](id string) Check[C] {
	id = strings.ToLower(strings.Clone(id))
	if id != "" && !authContext.MatchString(id) {
		panic(fmt.Errorf("fibermsal: HasAuthContext: %q is not the ID of an authentication context, c1 to c99", id))
	}
	return sessionCheck[C]("HasAuthContext", func(s *session.Session) error {
		if s.HasAuthContext(id) {
			return nil
		}
		return autherr.ClaimsChallenge.Requiring("auth_context", nil, flow.Requirements{AuthContext: id})
	})
}

// authContext is the ID of an authentication context in lower case.
var authContext = regexp.MustCompile(`^c[1-9][0-9]?$`)

// sessionCheck returns a check that depends only on the user's session.
func sessionCheck[C Locals](name string, check func(*session.Session) error) Check[C] {
	return func(c C, _ *User) error {
		_, s, err := signedIn(c, name)
		if err != nil {
			return err
		}
		return check(s)
	}
}
