package fibermsal

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/entra/doctor"
)

// Auth signs users in for one [Config]. It provides the middleware and the routes; its methods for
// background jobs, administration and diagnosis are those of [entra.Service]. It is immutable after
// [Open] and safe for concurrent use.
type Auth struct {
	*entra.Service

	firstRequest sync.Once
}

// New returns the middleware for an app, ready to use:
//
//	app.Use(fibermsal.New(fibermsal.Config{…}))
//	fibermsal.RegisterRoutes(app)
//
// Register it before all handlers that need the signed-in user, and after middlewares that must see
// every response, such as Fiber's logger. Like Fiber's own middlewares, New panics if the Config is
// invalid; the message names every invalid field. [Open] returns an error instead. New also panics if
// Config.RoutePrefix is not /user, because [RegisterRoutes] supports no other prefix; use Open and
// [Auth.RegisterRoutes] for that. The middleware closes its Auth when the app shuts down.
// [AuthFromContext] returns the Auth.
func New(cfg Config) fiber.Handler {
	a, err := Open(cfg)
	if err != nil {
		panic(err)
	}
	if a.RoutePrefix() != entra.DefaultRoutePrefix {
		panic(&ConfigError{Field: "RoutePrefix", Problem: "must be " + entra.DefaultRoutePrefix + " with New, because RegisterRoutes mounts no other; use Open and Auth.RegisterRoutes"})
	}
	return func(c *fiber.Ctx) error {
		a.firstRequest.Do(func() {
			onShutdown(c.App(), a.Close)
			a.warnAboutApp(c.App())
		})
		return a.middleware(c)
	}
}

// Open validates cfg and returns an [Auth] that uses a copy of it. It calls neither the network nor the
// storage. The error joins a [*ConfigError] for each invalid field.
//
// The caller must close the Auth after the app has shut down.
func Open(cfg Config) (*Auth, error) {
	service, err := entra.Open(cfg, entra.Process{SharesNoMemory: fiber.IsChild()})
	if err != nil {
		return nil, err
	}
	return &Auth{Service: service}, nil
}

// Handler returns the middleware of an Auth that [Open] returned. Register it where the middleware of
// [New] would be registered. It does not close the Auth when the app shuts down.
func (a *Auth) Handler() fiber.Handler {
	return func(c *fiber.Ctx) error {
		a.firstRequest.Do(func() { a.warnAboutApp(c.App()) })
		return a.middleware(c)
	}
}

// AuthFromContext returns the Auth whose middleware serves a request. It is for apps that use [New],
// which does not return the Auth. It returns false if no middleware has run or Config.Next skipped it.
func AuthFromContext(c *fiber.Ctx) (*Auth, bool) {
	e := exchangeOf(c)
	if e == nil {
		return nil, false
	}
	return e.auth, true
}

// ReadyHandler reports whether users can sign in and stay signed in. It responds with 200 if the
// storage responds and Entra's configuration is known, and with 503 otherwise. The body is the
// [Readiness] as JSON. Register it on a path that your monitoring requests:
//
//	app.Get("/ready", auth.ReadyHandler)
//
// Do not restart an instance, or remove it from the load balancer, because of a 503. If the storage is
// down, it is down for all instances, and requests that need no sign-in are still served.
func (a *Auth) ReadyHandler(c *fiber.Ctx) error {
	readiness := a.Readiness(contextOf(c))
	c.Set(fiber.HeaderCacheControl, "no-store")
	if !readiness.Ready() {
		c.Status(http.StatusServiceUnavailable)
	}
	return c.JSON(readiness)
}

// warnAboutApp logs problems with the settings of an app, which are not known before its first request.
func (a *Auth) warnAboutApp(app *fiber.App) {
	cfg := app.Config()
	if cfg.ReadBufferSize < doctor.MinReadBuffer {
		a.Logger().LogAttrs(context.Background(), slog.LevelWarn,
			"fiber.Config.ReadBufferSize is small: sign-ins with long addresses or codes may get 431; set 16384",
			slog.Int("bytes", cfg.ReadBufferSize))
	}
	if cfg.StreamRequestBody {
		a.Logger().LogAttrs(context.Background(), slog.LevelWarn,
			"fiber.Config.StreamRequestBody is set: what handlers in front of the middleware leave unread of a body is taken for the next request")
	}
}
