package fibermsal_test

import (
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cache"
	"github.com/gofiber/fiber/v2/middleware/csrf"
	"github.com/gofiber/fiber/v2/middleware/logger"
	"github.com/gofiber/fiber/v2/middleware/recover"

	"github.com/fibermsal/fibermsal"
)

// Pieces of docs/production.md and examples/deploy. They are only compiled, because they need no other
// test.

func ExampleNew_middlewares() {
	var cfg fibermsal.Config
	app := fiber.New()
	// readme:start
	app.Use(logger.New(), recover.New()) // see every answer
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app) // in front of csrf
	app.Use(csrf.New())
	// readme:end

	// readme:start
	app.Use(csrf.New(csrf.Config{
		Next: func(c *fiber.Ctx) bool { return strings.HasPrefix(c.Path(), "/user/") },
	}))
	// readme:end

	// readme:start
	app.Use(cache.New(cache.Config{Next: func(c *fiber.Ctx) bool {
		return strings.Contains(c.GetRespHeader("Cache-Control"), "private")
	}}))
	// readme:end
}

func ExampleConfig_dialer() {
	// readme:start
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 10 * time.Second, Interval: 2 * time.Second, Count: 3,
	}}
	// readme:end
	_ = fibermsal.Config{HTTPClient: &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}}
}

func ExampleAuth_health() {
	var auth fibermsal.Auth
	app := fiber.New()
	// readme:start
	app.Get("/healthz", func(c *fiber.Ctx) error { return c.SendString("ok") })
	// readme:end

	// readme:start
	app.Get("/ready", auth.ReadyHandler)
	// readme:end
}
