package fibermsal

import (
	"log/slog"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/autherr"
)

// RegisterRoutes mounts the routes under /user, for the middleware that [New] put in front of
// them:
//
//	GET  /user/login?to=/path  sends the browser to Entra and back to the path
//	POST /user/authorized      takes Entra's answer (GET with ResponseModeQuery)
//	POST /user/logout          signs out here and at Entra; a GET asks first, unless the user
//	                           typed it or it comes from the app's pages
//	GET  /user/info            the signed-in user, as JSON
//	GET  /user/frontchannel-logout  ends the sessions that began with the session at Entra that
//	                           has just ended; register it as the front-channel logout URL
//
// and the routes that other packages offer, such as graph.Routes(). It panics if the router is a
// group with a prefix. For another prefix use [Open] and [Auth.RegisterRoutes].
func RegisterRoutes(router fiber.Router, more ...entra.Routes) {
	mount(router, defaultPrefix, func(c *fiber.Ctx, handle routeHandler) error {
		e := exchangeOf(c)
		if e == nil {
			err := autherr.NotMounted("RegisterRoutes")
			slog.Default().LogAttrs(contextOf(c), slog.LevelError, "route without middleware", slog.Any("error", err))
			return err
		}
		return handle(e)
	}, more)
}

// RegisterRoutes mounts the routes under Config.RoutePrefix, as the function of the same name
// does under /user. They work without the middleware in front. It panics if the router is a group
// whose prefix does not lead to Config.RoutePrefix.
func (a *Auth) RegisterRoutes(router fiber.Router, more ...entra.Routes) {
	mount(router, a.RoutePrefix(), func(c *fiber.Ctx, handle routeHandler) error {
		return a.serve(c, func(c *fiber.Ctx) error { return handle(exchangeOf(c)) })
	}, more)
}

// routeHandler handles a request to a route.
type routeHandler func(*exchange) error

func mount(router fiber.Router, prefix string, run func(*fiber.Ctx, routeHandler) error, more []entra.Routes) {
	prefix = belowGroup(router, prefix)
	for _, route := range entra.MountedRoutes(more...) {
		handler := func(c *fiber.Ctx) error {
			return run(c, func(e *exchange) error { return e.serve(&route) })
		}
		if route.Head {
			router.Get(prefix+route.Path, handler)
		} else {
			addRoute(router, route.Method, prefix+route.Path, handler)
		}
	}
}

// belowGroup returns the path below a group that leads to a prefix.
func belowGroup(router fiber.Router, prefix string) string {
	group, ok := router.(*fiber.Group)
	if !ok {
		return prefix
	}
	below, leads := strings.CutPrefix(prefix, strings.TrimSuffix(group.Prefix, "/"))
	if !leads || (below != "" && below[0] != '/') {
		panic("fibermsal: RegisterRoutes: the routes are mounted under " + group.Prefix + prefix + " but their prefix is " + prefix +
			"; use Open with Config.RoutePrefix " + group.Prefix + prefix + " and Auth.RegisterRoutes")
	}
	return below
}

// serve handles a request to a route.
func (e *exchange) serve(route *entra.MountedRoute) error {
	response, err := route.Serve(e.c, e.c.Route().Path)
	if err == nil {
		return write(e.c, response)
	}
	if response != nil {
		writeHead(e.c, response)
	}
	return err
}
