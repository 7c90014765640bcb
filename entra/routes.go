package entra

import (
	"errors"
	"net/http"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/web"
)

// Routes are additional routes, such as those of graph.Routes, which RegisterRoutes of a face mounts
// under its prefix.
type Routes []Route

// Route answers GET and HEAD on a path below the prefix. Serve is called concurrently. c identifies the
// request and its signed-in user, and header returns a header of the request. Serve returns a Reply, or
// an error, which the middleware answers, or both: then the header and cookies of the Reply are added
// to the response to the error.
type Route struct {
	Path  string
	Serve func(c Locals, header func(name string) string) (*Reply, error)
}

// answer returns the result of Serve, or an error if Serve returns neither a Reply nor an error.
func (r *Route) answer(v *web.Visit, c Locals) (*web.Response, error) {
	reply, err := r.Serve(c, v.Exchange.Request().Header)
	if reply == nil && err == nil {
		err = autherr.Misconfigured.New("empty_route", errors.New("the route "+r.Path+" returned neither a Reply nor an error"))
	}
	return reply, err
}

// Reply is the response of a Route: its Status, Header and Body.
type Reply = web.Response

// MountedRoute is a route that a face mounts.
type MountedRoute struct {
	Method string
	Path   string // below the prefix
	// Head is set if HEAD is answered like GET.
	Head  bool
	serve func(v *web.Visit, c Locals, mountedAt string) (*web.Response, error)
}

// MountedRoutes returns the library's routes and the additional routes, for a face to mount.
func MountedRoutes(more ...Routes) []MountedRoute {
	var mounted []MountedRoute
	for _, route := range web.Routes() {
		mounted = append(mounted, MountedRoute{
			Method: route.Method, Path: route.Path,
			serve: func(v *web.Visit, c Locals, mountedAt string) (*web.Response, error) {
				service := serviceOf(v)
				return v.Site.Serve(v.Exchange.Context(), v, route, mountedAt, web.Hooks{
					Info:         func() map[string]any { return service.info(c) },
					BeforeSignIn: func(start *flow.Start) error { return service.beforeSignIn(c, start) },
				})
			},
		})
	}
	for _, routes := range more {
		for _, route := range routes {
			mounted = append(mounted, MountedRoute{
				Method: http.MethodGet, Path: route.Path, Head: true,
				serve: func(v *web.Visit, c Locals, _ string) (*web.Response, error) { return route.answer(v, c) },
			})
		}
	}
	return mounted
}

// Serve handles a request to the route, which is mounted at the path mountedAt. If it returns a
// response together with an error, the caller must write the header and cookies of that response.
func (r *MountedRoute) Serve(c Locals, mountedAt string) (*web.Response, error) {
	v := visitOf(c)
	if v == nil {
		return nil, autherr.NotMounted("RegisterRoutes")
	}
	return r.serve(v, c, mountedAt)
}
