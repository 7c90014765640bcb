package fibermsal

import (
	"context"
	"net/http"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/entra/doctor"
	"github.com/fibermsal/fibermsal/internal/web"
)

// This file contains everything that differs between Fiber v2 and v3. The files in v3 are generated
// from the other files of the package.

// contextOf returns the context that the app has set for a request. Fiber's own context is recycled
// after the request and never cancelled (trap T13).
func contextOf(c *fiber.Ctx) context.Context { return c.UserContext() }

// addRoute adds a route. Get would also answer HEAD, with the same side effects (trap T17).
func addRoute(router fiber.Router, method, path string, handler fiber.Handler) {
	router.Add(method, path, handler)
}

// onShutdown calls a function after the app has shut down.
func onShutdown(app *fiber.App, f func() error) { app.Hooks().OnShutdown(f) }

// visitCookies calls a function for each cookie of a request. Fiber reuses the bytes later (trap T10).
func visitCookies(c *fiber.Ctx, visit func(name, value []byte)) {
	c.Request().Header.VisitAllCookie(visit)
}

// setVisit stores the Visit of a request where the handlers find it.
func setVisit(c *fiber.Ctx, v *web.Visit) { c.Locals(entra.VisitKey(), v) }

// isAbandoned reports whether a middleware has answered a request whose handler is still running. That
// does not happen in Fiber v2, whose timeout middleware waits for the handler.
func isAbandoned(*fiber.Ctx) bool { return false }

// examined returns the settings of an app that Doctor examines.
func examined(cfg *fiber.Config) *doctor.App {
	return &doctor.App{
		ReadBufferSize: cfg.ReadBufferSize,
		StreamsBodies:  cfg.StreamRequestBody,
		ProxyHeader:    cfg.ProxyHeader,
		TrustsAnyProxy: !cfg.EnableTrustedProxyCheck,
		TrustedProxies: cfg.TrustedProxies,
	}
}

// headerOf returns a copy of the header of a response.
func headerOf(response *fasthttp.Response) http.Header {
	header := make(http.Header)
	response.Header.VisitAll(func(name, value []byte) { header.Add(string(name), string(value)) })
	return header
}
