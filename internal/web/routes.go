package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// Route is one of the library's routes.
type Route struct {
	Method string
	Path   string // below the prefix
	handle func(*routeHandler) error
}

// Routes returns the library's routes.
func Routes() []Route {
	return []Route{
		{http.MethodGet, LoginPath, (*routeHandler).login},
		{http.MethodPost, CallbackPath, (*routeHandler).authorized},
		{http.MethodGet, CallbackPath, (*routeHandler).authorized},
		{http.MethodPost, LogoutPath, (*routeHandler).logout},
		{http.MethodGet, LogoutPath, (*routeHandler).logout},
		{http.MethodGet, InfoPath, (*routeHandler).userInfo},
		{http.MethodGet, FrontPath, (*routeHandler).frontChannelLogout},
	}
}

// Serve handles a request to a route that is mounted at the path mountedAt. If it also returns an
// error, the caller must still write the header and cookies of the response.
func (s *Site) Serve(ctx context.Context, v *Visit, r Route, mountedAt string, hooks Hooks) (*Response, error) {
	h := &routeHandler{Site: s, ctx: ctx, visit: v, in: v.Exchange.Request(), out: newResponse(), hooks: hooks}
	h.out.protect()
	v.ownRoute, v.inFlow = true, new(flowVisit)
	if want := s.RoutePrefix + r.Path; mountedAt != want {
		return h.out, autherr.Misconfigured.New("route_elsewhere", errors.New(
			"the route is mounted at "+mountedAt+" but Config makes it "+want+": set RoutePrefix and use Open with Auth.RegisterRoutes"))
	}
	if h.in.Method != r.Method { // a framework may call the handlers of GET for HEAD (trap T17, threat A15)
		return h.out, h.wrongMethod(r.Method)
	}
	err := r.handle(h)
	if h.in.isByHTMX() {
		h.out.redirectHTMX()
	}
	return s.drawn(h.out), err
}
