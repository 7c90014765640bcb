package fibermsal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/flow"
)

// All passes if all checks pass, and without any.
func All(checks ...Check) Check {
	checks = slices.Clone(checks)
	return func(c *fiber.Ctx, user *User) error {
		for _, check := range checks {
			if err := check(c, user.clone()); err != nil {
				return err
			}
		}
		return nil
	}
}

// Any passes if one of the checks passes, which are tried in their order; without any
// it does not. If none passes, the error is the one that can be helped: the storage or
// Graph being down before a sign-in that would bring what is missing before a
// refusal.
func Any(checks ...Check) Check {
	checks = slices.Clone(checks)
	return func(c *fiber.Ctx, user *User) error {
		var failed error = ErrForbidden.because("no_check", nil)
		for i, check := range checks {
			err := check(c, user.clone())
			if err == nil {
				return nil
			}
			if i == 0 || hope(err) > hope(failed) {
				failed = err
			}
		}
		return failed
	}
}

// hope is how likely an error goes away. Errors of the app's are not known to, but
// must not be hidden by a refusal: whether the check passes is open.
func hope(err error) int {
	var e *Error
	switch {
	case !errors.As(err, &e), e.Status >= fiber.StatusInternalServerError:
		return 2
	case e.interactive():
		return 1
	}
	return 0
}

// HasRole passes if the user has one of the app roles, by their values in the
// registration. Others, and everybody if no role is named, get [ErrForbidden].
func HasRole(roles ...string) Check {
	roles = slices.Clone(roles)
	return func(_ *fiber.Ctx, user *User) error {
		if slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(user.Roles, r) }) {
			return nil
		}
		return ErrForbidden.because("role", fmt.Errorf("needs one of the app roles %q", roles))
	}
}

// HasScope passes if the user has granted all the scopes when signing in. Otherwise it
// is [ErrConsentRequired], and the sign-in that the middleware starts asks for them;
// Entra asks the user only if they have not consented before. It knows the scopes of the
// resource that Config.Scopes are of. For those of others ask their token by
// [TokenCredential], whose error does the same. Without scopes nobody passes.
func HasScope(scopes ...string) Check {
	scopes = slices.Clone(scopes)
	return func(c *fiber.Ctx, _ *User) error {
		r := requestOf(c)
		if r == nil || r.session == nil {
			return notMounted("HasScope")
		}
		if !namesScopes(scopes) { // tokenScopes would take those of Config, which everybody has
			return ErrForbidden.because("scope", errors.New("HasScope names no scope"))
		}
		if missing := missingFrom(r.session.Scopes, r.auth.tokenScopes(scopes)); len(missing) > 0 {
			return ErrConsentRequired.asking("scope", fmt.Errorf("scopes not granted: %s", strings.Join(missing, " ")), flow.Ask{Scopes: missing})
		}
		return nil
	}
}

// MaxAge passes if the user proved who they are at most that long ago, not only had a
// session with Entra. Otherwise it is [ErrClaimsChallenge], and the sign-in that the
// middleware starts makes them do it again. It is rounded up to seconds and counted by
// this machine's clock, without allowance: one that is fast by more than the age lets
// nobody pass. It needs the optional claim auth_time in the registration's ID token:
// without it nobody passes.
func MaxAge(age time.Duration) Check {
	seconds := max(1, int64((age+time.Second-1)/time.Second))
	return func(c *fiber.Ctx, _ *User) error {
		r := requestOf(c)
		if r == nil || r.session == nil {
			return notMounted("MaxAge")
		}
		if provenWithin(r.session.AuthenticatedAt, seconds) {
			return nil
		}
		return ErrClaimsChallenge.asking("max_age", nil, flow.Ask{MaxAge: seconds})
	}
}

// provenWithin is the rule of MaxAge, for the guard and for the sign-in that it starts:
// with two rules, one would send back whom the other has let through. A time in the
// future is believed as far as clocks may differ; the zero time is unknown.
func provenWithin(at time.Time, seconds int64) bool {
	age := time.Since(at)
	return !at.IsZero() && -clockSkew <= age && age <= time.Duration(seconds)*time.Second
}

// AuthContext passes if the user has stepped up to an authentication context of the
// tenant's Conditional Access, such as "c1". Otherwise it is [ErrClaimsChallenge], and
// the sign-in that the middleware starts asks for it. Entra names the contexts in the
// claim acrs.
func AuthContext(id string) Check {
	id = strings.Clone(id)
	return func(c *fiber.Ctx, _ *User) error {
		r := requestOf(c)
		if r == nil || r.session == nil {
			return notMounted("AuthContext")
		}
		if r.session.steppedUp(id) {
			return nil
		}
		return ErrClaimsChallenge.asking("auth_context", nil, flow.Ask{AuthContext: id})
	}
}
