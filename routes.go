package fibermsal

import (
	"log/slog"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/autherr"
)

// RegisterRoutes mounts the routes under /user. The middleware of [New] must be registered in front of
// them:
//
//	GET  /user/login?to=/path  sends the browser to Entra and back to the path
//	POST /user/authorized      receives Entra's response (GET with ResponseModeQuery)
//	POST /user/logout          signs out here and at Entra; a GET asks for confirmation, unless the user
//	                           typed the URL or the request comes from the app's pages
//	GET  /user/info            the signed-in user, as JSON
//	GET  /user/frontchannel-logout  ends the sessions that belong to the session at Entra that
//	                           has just ended; register it as the front-channel logout URL
//
// It also mounts the routes of other packages that are passed as more, such as graph.Routes(). It
// panics if the router is a group with a prefix. For another prefix use [Open] and
// [Auth.RegisterRoutes].
func RegisterRoutes(router fiber.Router, more ...Routes) {
	mount(router, entra.DefaultRoutePrefix, func(c *fiber.Ctx, handler fiber.Handler) error {
		if exchangeOf(c) == nil {
			err := autherr.NotMounted("RegisterRoutes")
			slog.Default().LogAttrs(contextOf(c), slog.LevelError, "route without middleware", slog.Any("error", err))
			return err
		}
		return handler(c)
	}, more)
}

// RegisterRoutes mounts the routes under Config.RoutePrefix, like the function [RegisterRoutes] does
// under /user. They do not need the middleware in front of them. It panics if the router is a group
// whose prefix is not a parent of Config.RoutePrefix.
func (a *Auth) RegisterRoutes(router fiber.Router, more ...Routes) {
	mount(router, a.RoutePrefix(), a.serveOwnRoute, more)
}

// serveOwnRoute serves a request to a route, unless the request is for another Auth.
func (a *Auth) serveOwnRoute(c *fiber.Ctx, handler fiber.Handler) error {
	if entra.IsForAnother(a.Service, c, (&exchange{auth: a, c: c}).Request()) {
		return c.Next()
	}
	return a.serve(c, handler)
}

// mount mounts the routes. Each handler is called through a function.
func mount(router fiber.Router, prefix string, through func(*fiber.Ctx, fiber.Handler) error, more []Routes) {
	prefix = belowGroup(router, prefix)
	for _, route := range entra.MountedRoutes(more...) {
		serve := func(c *fiber.Ctx) error { return serveRoute(c, &route) }
		handler := func(c *fiber.Ctx) error {
			if c.Path() != c.Route().Path { // another spelling, which rules about paths do not match (threats C6, C11)
				return c.Next()
			}
			return through(c, serve)
		}
		if route.Head {
			router.Get(prefix+route.Path, handler)
		} else {
			addRoute(router, route.Method, prefix+route.Path, handler)
		}
	}
}

// belowGroup returns the rest of a prefix below the prefix of a group. It panics if the group is not a
// parent.
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

// serveRoute handles a request to a route.
func serveRoute(c *fiber.Ctx, route *entra.MountedRoute) error {
	response, err := route.Serve(c, c.Route().Path)
	if err == nil {
		return write(c, response)
	}
	if response != nil {
		writeHead(c, response)
	}
	return err
}
