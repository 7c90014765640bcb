package entra

import (
	"context"
	"net/url"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/web"
)

// Locals is the method of a request's context that the library needs to find the signed-in user.
// *fiber.Ctx of Fiber v2 and fiber.Ctx of Fiber v3 implement it.
type Locals interface {
	Locals(key any, value ...any) any
}

// visitOf returns the request's Visit, or nil if the middleware has not run.
func visitOf(c Locals) *web.Visit {
	v, _ := c.Locals(visitKey{}).(*web.Visit)
	return v
}

// RequestContext returns the context of a request that the middleware serves, for packages
// that do not depend on a framework.
func RequestContext(c Locals) context.Context {
	if v := visitOf(c); v != nil {
		return v.Exchange.Context()
	}
	return context.Background()
}

// RequestQuery returns the query parameters of a request that the middleware serves. Malformed
// parameters are left out.
func RequestQuery(c Locals) url.Values {
	v := visitOf(c)
	if v == nil {
		return url.Values{}
	}
	values, _ := url.ParseQuery(v.Exchange.Request().RawQuery)
	return values
}

// signedIn returns the request's Visit and session, or an error for the named function to return.
func signedIn(c Locals, function string) (*web.Visit, *session.Session, error) {
	v := visitOf(c)
	if v == nil {
		return nil, nil, autherr.NotMounted(function)
	}
	s, err := v.SignedIn()
	return v, s, err
}

// serviceOf returns the Service of a Visit, or nil if v is nil.
func serviceOf(v *web.Visit) *Service {
	if v == nil {
		return nil
	}
	s, _ := v.Site.Owner.(*Service)
	return s
}

// FromContext returns the signed-in user, or false if there is none. It also returns false if the
// storage failed; the middleware then replaces the handler's response with 503, unless
// Config.AnonymousOnOutage is set.
func FromContext(c Locals) (*User, bool) {
	v := visitOf(c)
	if v == nil {
		return nil, false
	}
	s, err := v.Session()
	if err != nil || s == nil {
		return nil, false
	}
	return userOf(&s.User), true
}
