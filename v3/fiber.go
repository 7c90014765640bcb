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

// This file is what differs between the versions of Fiber. The other files of the package are
// made of those in the root of the repository.

// contextOf returns the context that the app gave a request. Fiber's own is recycled after the
// request (trap T13).
func contextOf(c fiber.Ctx) context.Context { return c.Context() }

// addRoute adds a route. Fiber v3 answers HEAD by the handlers of GET; the routes refuse it (traps
// T17, A15).
func addRoute(router fiber.Router, method, path string, handler fiber.Handler) {
	router.Add([]string{method}, path, handler)
}

// onShutdown calls a function after the app has shut down.
func onShutdown(app *fiber.App, f func() error) {
	app.Hooks().OnPostShutdown(func(error) error { return f() })
}

// visitCookies calls a function for each cookie of a request, whose bytes Fiber will reuse
// (trap T10).
func visitCookies(c fiber.Ctx, visit func(name, value []byte)) {
	for name, value := range c.Request().Header.Cookies() {
		visit(name, value)
	}
}

// setVisit puts what is known of a request where the handlers find it. What Locals of Fiber's own
// context does is done directly, because a variadic call through an interface allocates. An app's
// context may keep its Locals elsewhere.
func setVisit(c fiber.Ctx, v *web.Visit) {
	if own, ok := c.(*fiber.DefaultCtx); ok {
		own.RequestCtx().SetUserValue(entra.VisitKey(), v)
		return
	}
	c.Locals(entra.VisitKey(), v)
}

// isAbandoned reports whether a middleware has answered a request whose handler still runs, as
// that for time-outs does.
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
