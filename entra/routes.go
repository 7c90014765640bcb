package entra

import (
	"errors"
	"net/http"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/web"
)

// Routes are routes that a package offers, such as graph.Routes, and that RegisterRoutes of a
// face mounts under its prefix.
type Routes []Route

// Route answers GET and HEAD on a path below the prefix. Serve is called for the request whose
// signed-in user c identifies, with a function that returns a header of the request. It returns a
// Reply or an error, which the middleware answers, or both: then the header and cookies of the
// Reply go with the answer to the error. Requests call it concurrently.
type Route struct {
	Path  string
	Serve func(c Locals, header func(name string) string) (*Reply, error)
}

// answer returns what Serve does, or an error if that is nothing.
func (r *Route) answer(v *web.Visit, c Locals) (*web.Response, error) {
	reply, err := r.Serve(c, v.Exchange.Request().Header)
	if reply == nil && err == nil {
		err = autherr.Misconfigured.New("empty_route", errors.New("the route "+r.Path+" returned neither a Reply nor an error"))
	}
	return reply, err
}

// Reply is the answer of a Route: its Status, Header and Body.
type Reply = web.Response

// MountedRoute is a route that a face mounts.
type MountedRoute struct {
	Method string
	Path   string // below the prefix
	// Head is set if HEAD is answered as GET is.
	Head  bool
	serve func(v *web.Visit, c Locals, mountedAt string) (*web.Response, error)
}

// MountedRoutes returns the library's routes and those that packages offer, for a face.
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

// Serve handles a request to the route, which is mounted at a path. The header and cookies of the
// response, if there is one, are to be written even with an error.
func (r *MountedRoute) Serve(c Locals, mountedAt string) (*web.Response, error) {
	v := visitOf(c)
	if v == nil {
		return nil, autherr.NotMounted("RegisterRoutes")
	}
	return r.serve(v, c, mountedAt)
}
