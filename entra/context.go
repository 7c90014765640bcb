package entra

import (
	"context"
	"net/url"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/web"
)

// Locals is what the library needs of a request's context to find the signed-in user: Fiber's
// method of this name. *fiber.Ctx of v2 and fiber.Ctx of v3 have it.
type Locals interface {
	Locals(key any, value ...any) any
}

// visitOf returns the request's Visit, or nil without the middleware.
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

// RequestQuery returns the query of a request that the middleware serves, as far as it can be parsed.
func RequestQuery(c Locals) url.Values {
	v := visitOf(c)
	if v == nil {
		return url.Values{}
	}
	values, _ := url.ParseQuery(v.Exchange.Request().RawQuery)
	return values
}

// signedIn returns the request's Visit and session for a function, or the error to return
// without them.
func signedIn(c Locals, function string) (*web.Visit, *session.Session, error) {
	v := visitOf(c)
	if v == nil {
		return nil, nil, autherr.NotMounted(function)
	}
	s, err := v.SignedIn()
	return v, s, err
}

// serviceOf returns the Service of a Visit, or nil without one.
func serviceOf(v *web.Visit) *Service {
	if v == nil {
		return nil
	}
	s, _ := v.Site.Owner.(*Service)
	return s
}

// FromContext returns the signed-in user, or false if there is none. If the storage failed it
// returns false, too, and the middleware answers 503 in place of what the handler wrote, unless
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
