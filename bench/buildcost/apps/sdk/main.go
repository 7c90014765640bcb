// Command sdk is the app graph, which also uses the whole client of msgraph-sdk-go.
package main

import (
	"log"

	"github.com/gofiber/fiber/v2"
	msgraphsdk "github.com/microsoftgraph/msgraph-sdk-go"

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
	app.Get("/organizations", fibermsal.Require(), func(c *fiber.Ctx) error {
		found, err := msgraphsdk.NewGraphServiceClient(graph.Adapter(c)).Organization().Get(c.UserContext(), nil)
		if err != nil {
			return err
		}
		return c.JSON(len(found.GetValue()))
	})
	log.Fatal(app.Listen("localhost:3000"))
}
