package entra

import "github.com/fibermsal/fibermsal/internal/web"

// This file is for faces, which are packages that connect a Service to a web framework.

// visitKey is the key of a request's Visit. Its type is not exported, so nothing else can
// collide with it (trap T11).
type visitKey struct{}

// VisitKey returns the key under which a face must store the *web.Visit of a request in Locals.
func VisitKey() any { return visitKey{} }

// NewVisit returns the library's state for a request, which a face keeps while the request's handlers
// run.
func NewVisit(s *Service, e web.Exchange) web.Visit {
	v := web.Visit{Site: s.site, Exchange: e}
	if name := s.jar.TriesName(); e.HasCookie(name) {
		v.Tries, _ = e.Cookie(name)
	}
	return v
}

// Hides reports whether a middleware that skips a request also hides the user of the middleware around
// it. It does, because no user is signed in behind a middleware that skips the request, unless the two
// middlewares have different origins.
func Hides(s *Service, outer *web.Visit) bool {
	return outer == nil || outer.Site.Origin == s.site.Origin
}

// IsForAnother reports whether a request to a route is for another Service that has the same routes on
// another host.
func IsForAnother(s *Service, c Locals, r *web.Request) bool {
	return s.skips(c) && (s.site.HasOtherHost(r) || !Hides(s, visitOf(c)))
}

// Skips reports whether Config.Next skips a request.
func Skips(s *Service, c Locals) bool { return s.skips(c) }
