// Minimal is the quick start of the README as a whole program.
package main

import (
	"log"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/graph"
)

func main() {
	// readme:start
	cfg, err := fibermsal.ConfigFromEnv("FIBERMSAL")
	if err == nil {
		err = cfg.ValidateEnv("FIBERMSAL")
	}
	if err != nil {
		log.Fatal(err) // names every variable that is wrong
	}

	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(fibermsal.New(cfg))
	// /user/login, /user/logout, /user/info, /user/photo …
	fibermsal.RegisterRoutes(app, graph.Routes())

	app.Get("/", home) // readme:omit
	app.Get("/hello", fibermsal.Require(), func(c *fiber.Ctx) error {
		me, err := graph.Me(c).Get(c.UserContext(), nil) // msgraph-sdk-go
		if err != nil {
			return err // no consent? signed out? handled for you
		}
		return c.JSON(fiber.Map{"hello": me.GetDisplayName()})
	})
	log.Fatal(app.Listen(":3000"))
	// readme:end
}
