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

// Check decides whether a signed-in user may go on: nil lets the request pass, an error ends
// it. It may do I/O, and requests call it concurrently; each call receives its own copy of
// user. An [*Error] is answered as it says, other errors go to the app's ErrorHandler.
type Check[C Locals] func(c C, user *User) error

// Require returns a function that returns nil for a request of a signed-in user who passes all checks,
// in their order. Behind RequireFrom the user is the caller that it accepted. It keeps a copy of checks.
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

// Any passes if one of the checks passes, which are tried in their order. Any() without checks
// never passes. If none passes, the error is the one that is easiest to recover from: first
// that the storage or Graph is unavailable, then one that a sign-in fixes, then a refusal.
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

// errorRank orders errors by how recoverable they are. Errors from the app rank highest,
// because a refusal must not hide a check whose result is unknown.
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

// HasRole passes if the user has one of the app roles, by their values in the registration. If
// no role is named, nobody passes. Otherwise the error is [ErrForbidden].
func HasRole[C Locals](roles ...string) Check[C] {
	roles = slices.Clone(roles)
	return func(_ C, user *User) error {
		if slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(user.Roles, r) }) {
			return nil
		}
		return autherr.Forbidden.New("role", fmt.Errorf("needs one of the app roles %q", roles))
	}
}

// InGroup passes if the user is a member of one of the groups, by their object IDs, also
// through other groups. Otherwise the error is [ErrForbidden].
//
// The registration's groups claim decides if there is one. If there is none, if the user has
// more groups than Entra puts into it, or if it has names in place of IDs, Config.Groups is called,
// and its answer is remembered for five minutes. Without Config.Groups nobody passes then.
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

// AuthenticatedWithin passes if the user authenticated at most that long ago, rather than only
// having a session at Entra. Otherwise the error is [ErrClaimsChallenge], and the sign-in that
// the middleware starts makes the user authenticate. The age is rounded up to seconds and
// measured by this machine's clock without tolerance: if the clock is fast by more than the
// age, nobody passes. A user who authenticates for this check has done so when Entra answers,
// however long the second factor took; otherwise Entra counts from the password. It requires the
// optional claim auth_time in the registration's ID token; without it, nobody passes.
func AuthenticatedWithin[C Locals](age time.Duration) Check[C] {
	seconds := max(1, int64((age+time.Second-1)/time.Second))
	return sessionCheck[C]("AuthenticatedWithin", func(s *session.Session) error {
		if signin.AuthenticatedWithin(s.AuthenticatedAt, seconds) {
			return nil
		}
		return autherr.ClaimsChallenge.Requiring("max_age", nil, flow.Requirements{MaxAge: seconds})
	})
}

// HasAuthContext passes if the user has satisfied an authentication context of the tenant's
// Conditional Access: "c1" to "c99", in either case. It panics if the ID is another, and without
// an ID nobody passes. Otherwise the error is [ErrClaimsChallenge], and the sign-in that the
// middleware starts requests the context. Entra names the contexts in the claim acrs.
//
// The tenant must have a policy for the context, and it must be on. Entra names a context without
// one as satisfied, too, so that this check lets every user through.
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

// sessionCheck returns a check of what is known of the user's session.
func sessionCheck[C Locals](name string, check func(*session.Session) error) Check[C] {
	return func(c C, _ *User) error {
		_, s, err := signedIn(c, name)
		if err != nil {
			return err
		}
		return check(s)
	}
}
