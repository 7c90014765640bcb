// The API of docs/apis.md after a migration to fibermsal.

// readme:start
package main

import (
	"log"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

func main() {
	cfg, err := fibermsal.ConfigFromEnv("FIBERMSAL")
	if err == nil {
		err = cfg.ValidateEnv("FIBERMSAL")
	}
	if err != nil {
		log.Fatal(err) // names every variable that is wrong or missing
	}
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(fibermsal.New(cfg))
	app.Get("/orders", fibermsal.RequireToken(fibermsal.HasScope("Orders.Read")), func(c *fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		return c.SendString("Orders of " + user.ID)
	})
	log.Fatal(app.Listen(":3000"))
}

// readme:end
