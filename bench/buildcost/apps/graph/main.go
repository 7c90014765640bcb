// Command graph is an app that signs users in and reads their own data with package graph.
package main

import (
	"log"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/graph"
)

func main() {
	cfg, err := fibermsal.ConfigFromEnv("FIBERMSAL")
	if err != nil {
		log.Fatal(err)
	}
	app := fiber.New()
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app)
	app.Get("/", fibermsal.Require(), func(c *fiber.Ctx) error {
		me, err := graph.Me(c).Get(c.UserContext(), nil)
		if err != nil {
			return err
		}
		return c.JSON(me.GetDisplayName())
	})
	log.Fatal(app.Listen("localhost:3000"))
}
