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

// Auth is a configured sign-in: the middleware, its routes and the tokens of the signed-in
// users. Its methods for jobs, administration and diagnosis are those of [entra.Service]. It is
// immutable after [Open] and safe for concurrent use.
type Auth struct {
	*entra.Service

	firstRequest sync.Once
}

// New returns the middleware for an app, ready to use:
//
//	app.Use(fibermsal.New(fibermsal.Config{…}))
//	fibermsal.RegisterRoutes(app)
//
// Register it before all handlers that need the signed-in user, and after middlewares that must
// see every response, such as Fiber's logger. It panics if the Config is not valid, naming
// every wrong field, as Fiber's own middlewares do; [Open] returns an error instead. It also
// panics if Config.RoutePrefix is not /user, because [RegisterRoutes] mounts no other: use Open
// and [Auth.RegisterRoutes] then. It closes itself when the app shuts down. [AuthFromContext]
// returns its Auth.
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

// Open checks a Config, copies it and makes an [Auth] of it, without any call to the network or
// the storage. The error joins a [*ConfigError] for each wrong field.
//
// The caller closes the Auth after the app has shut down.
func Open(cfg Config) (*Auth, error) {
	service, err := entra.Open(cfg, entra.Process{SharesNoMemory: fiber.IsChild()})
	if err != nil {
		return nil, err
	}
	return &Auth{Service: service}, nil
}

// Handler returns the middleware, as [New] does, for an Auth that Open made.
func (a *Auth) Handler() fiber.Handler {
	return func(c *fiber.Ctx) error {
		a.firstRequest.Do(func() { a.warnAboutApp(c.App()) })
		return a.middleware(c)
	}
}

// AuthFromContext returns the Auth whose middleware serves a request, for an app that made it
// with [New]. It returns false if no middleware has run, or if Config.Next let it skip the request.
func AuthFromContext(c *fiber.Ctx) (*Auth, bool) {
	e := exchangeOf(c)
	if e == nil {
		return nil, false
	}
	return e.auth, true
}

// ReadyHandler answers whether users can sign in and stay signed in: 200 if the storage answers
// and Entra's configuration is known, 503 if not, with both as JSON. Route it for whatever
// monitors the app:
//
//	app.Get("/ready", auth.ReadyHandler)
//
// A 503 is not a reason to restart an instance or to take it from the load balancer. If the storage
// is down, it is down for all instances, and requests that need no sign-in are still served.
func (a *Auth) ReadyHandler(c *fiber.Ctx) error {
	readiness := a.Readiness(contextOf(c))
	c.Set(fiber.HeaderCacheControl, "no-store")
	if !readiness.Ready() {
		c.Status(http.StatusServiceUnavailable)
	}
	return c.JSON(readiness)
}

// warnAboutApp logs what only an app's first request can reveal.
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
