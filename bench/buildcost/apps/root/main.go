// Command root is an app that signs users in and does not call Graph.
package main

import (
	"log"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
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
		user, _ := fibermsal.FromContext(c) // there is one after Require
		return c.SendString(user.Name)
	})
	log.Fatal(app.Listen("localhost:3000"))
}
