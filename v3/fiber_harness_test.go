package fibermsal_test

import (
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
	"github.com/gofiber/fiber/v3/middleware/cache"
	"github.com/gofiber/fiber/v3/middleware/csrf"
	"github.com/gofiber/fiber/v3/middleware/encryptcookie"
	"github.com/gofiber/fiber/v3/middleware/idempotency"
	"github.com/gofiber/fiber/v3/middleware/limiter"
	"github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/gofiber/fiber/v3/middleware/session"
)

// What differs between the versions of Fiber is in this file, so that the other tests
// are the same for all of them.

// The tests read files of the repository by their path in its root.
func init() {
	if err := os.Chdir(".."); err != nil {
		panic(err)
	}
}

// newApp makes an app whose requests may have the cookies of a sign-in.
func newApp() *fiber.App {
	return fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
}

// streamingConfig lets an app stream bodies to its handlers.
func streamingConfig() fiber.Config {
	return fiber.Config{ReadBufferSize: 16 << 10, StreamRequestBody: true}
}

// testApp sends a request to an app, and waits for the answer as long as it takes.
func testApp(app *fiber.App, req *http.Request) (*http.Response, error) {
	return app.Test(req, fiber.TestConfig{})
}

// listen serves an app until it is shut down.
func listen(app *fiber.App, l net.Listener) {
	_ = app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
}

// onShutdown lets an app call a function when it is shut down.
func onShutdown(app *fiber.App, f func() error) {
	app.Hooks().OnPostShutdown(func(error) error { return f() })
}

// mount lets an app serve everything by another app.
func mount(app, inner *fiber.App) { mountAt(app, "/", inner) }

// mountAt lets an app serve what is below a path by another app.
func mountAt(app *fiber.App, path string, inner *fiber.App) { app.Use(path, inner) }

// routeAll serves all methods of a path by handlers.
func routeAll(app *fiber.App, path string, handlers ...fiber.Handler) {
	var more []any
	for _, h := range handlers[1:] {
		more = append(more, h)
	}
	app.All(path, handlers[0], more...)
}

// redirect answers with a redirect, whose default status differs.
func redirect(c fiber.Ctx, to string) error { return c.Redirect().Status(http.StatusSeeOther).To(to) }

// trustProxies makes an app trust X-Forwarded-For, but only from these proxies.
func trustProxies(c *fiber.Config, proxies ...string) {
	c.ProxyHeader, c.TrustProxy, c.TrustProxyConfig.Proxies = "X-Forwarded-For", true, proxies
}

// believeAnyone makes an app trust X-Forwarded-For from any sender.
func believeAnyone(c *fiber.Config) { trustProxies(c, "0.0.0.0/0", "::/0") }

// recoverPanics is the middleware that turns panics into errors.
func recoverPanics() fiber.Handler { return recover.New() }

// checkCSRF is Fiber's middleware, which skips some requests.
func checkCSRF(skip func(fiber.Ctx) bool) fiber.Handler { return csrf.New(csrf.Config{Next: skip}) }

// cacheAnswers is Fiber's middleware, which skips some requests.
func cacheAnswers(skip func(fiber.Ctx) bool) fiber.Handler {
	return cache.New(cache.Config{Next: skip})
}

// encryptCookies is Fiber's middleware with a key of its own.
func encryptCookies() fiber.Handler {
	return encryptcookie.New(encryptcookie.Config{Key: encryptcookie.GenerateKey(32)})
}

// adapt is Fiber's adapter of a middleware for net/http.
func adapt(middleware func(http.Handler) http.Handler) fiber.Handler {
	return adaptor.HTTPMiddleware(middleware)
}

// sessionStorage is the storage that Fiber's session middleware has when it is given one.
func sessionStorage(storage fiber.Storage) fiber.Storage {
	return session.NewStore(session.Config{Storage: storage}).Storage
}

// shareStorage makes Fiber's middlewares use a storage with key names from a request. They are
// configured as carelessly as possible.
func shareStorage(app *fiber.App, storage fiber.Storage) {
	answer := func(c fiber.Ctx) error { return c.SendString("neighbour") }
	fromHeader := func(c fiber.Ctx) string { return strings.Clone(c.Get("X-Key")) }
	app.All("/csrf", csrf.New(csrf.Config{Storage: storage}), answer)
	app.All("/csrf-once", csrf.New(csrf.Config{Storage: storage, SingleUseToken: true}), answer)
	app.All("/cache", cache.New(cache.Config{Storage: storage, KeyGenerator: fromHeader}), answer)
	app.All("/limiter", limiter.New(limiter.Config{Storage: storage, KeyGenerator: fromHeader, Max: 1000}), answer)
	app.All("/idempotency", idempotency.New(idempotency.Config{
		Storage: storage, Next: func(fiber.Ctx) bool { return false }, KeyHeader: "X-Key", KeyHeaderValidate: func(string) error { return nil },
	}), answer)
}
