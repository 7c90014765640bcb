package fibermsal

import (
	"context"
	"net/http"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/entra/doctor"
	"github.com/fibermsal/fibermsal/internal/web"
)

// This file contains everything that differs between Fiber v2 and v3. The other files of the package
// are generated from those in the root of the repository.

// contextOf returns the context that the app has set for a request. Fiber's own context is recycled
// after the request (trap T13).
func contextOf(c fiber.Ctx) context.Context { return c.Context() }

// addRoute adds a route. Fiber v3 also calls the handlers of GET for HEAD; the routes refuse HEAD
// themselves (trap T17, threat A15).
func addRoute(router fiber.Router, method, path string, handler fiber.Handler) {
	router.Add([]string{method}, path, handler)
}

// onShutdown calls a function after the app has shut down.
func onShutdown(app *fiber.App, f func() error) {
	app.Hooks().OnPostShutdown(func(error) error { return f() })
}

// visitCookies calls a function for each cookie of a request. Fiber reuses the bytes later (trap T10).
func visitCookies(c fiber.Ctx, visit func(name, value []byte)) {
	for name, value := range c.Request().Header.Cookies() {
		visit(name, value)
	}
}

// setVisit stores the Visit of a request where the handlers find it. For Fiber's own context it
// bypasses Locals, because a variadic call through an interface allocates. An app's own context type
// may keep its Locals elsewhere.
func setVisit(c fiber.Ctx, v *web.Visit) {
	if own, ok := c.(*fiber.DefaultCtx); ok {
		own.RequestCtx().SetUserValue(entra.VisitKey(), v)
		return
	}
	c.Locals(entra.VisitKey(), v)
}

// isAbandoned reports whether a middleware, such as the one for timeouts, has answered a request whose
// handler is still running.
func isAbandoned(c fiber.Ctx) bool { return c.IsAbandoned() }

// examined returns the settings of an app that Doctor examines. Fiber v3 reads the header of a
// proxy only if TrustProxy is set.
func examined(cfg *fiber.Config) *doctor.App {
	app := &doctor.App{ReadBufferSize: cfg.ReadBufferSize, StreamsBodies: cfg.StreamRequestBody}
	if cfg.TrustProxy {
		app.ProxyHeader, app.TrustedProxies = cfg.ProxyHeader, cfg.TrustProxyConfig.Proxies
	}
	return app
}

// headerOf returns a copy of the header of a response.
func headerOf(response *fasthttp.Response) http.Header {
	header := make(http.Header)
	for name, value := range response.Header.All() {
		header.Add(string(name), string(value))
	}
	return header
}
