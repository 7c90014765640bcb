package main

import (
	"sync/atomic"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/graph"
)

// newAPI returns the API. Pages of one other origin may call it.
func newAPI(cfg fibermsal.Config, pageOrigin string) (*fiber.App, error) {
	auth, err := fibermsal.Open(cfg)
	if err != nil {
		return nil, err
	}
	app := fiber.New(fiber.Config{
		ReadBufferSize:        16 << 10, // access tokens of users with many groups are long
		DisableStartupMessage: true,
	})
	app.Hooks().OnShutdown(auth.Close)

	// CORS comes first, because a browser's preflight request has no token, and because the page must
	// be able to read the header WWW-Authenticate of refusals, which contains what the page must
	// request from Entra.
	// readme:start
	app.Use(cors.New(cors.Config{
		AllowOrigins:  pageOrigin,
		AllowHeaders:  fiber.HeaderAuthorization + "," + fiber.HeaderContentType,
		ExposeHeaders: fiber.HeaderWWWAuthenticate,
	}))
	app.Use(auth.Handler())
	// readme:end

	orders := &orders{}
	app.Get("/me", fibermsal.RequireToken(fibermsal.HasScope("access_as_user")), me)
	app.Get("/salary", fibermsal.RequireToken(fibermsal.HasScope("access_as_user"), fibermsal.HasAuthContext("c1")), salary)
	app.Post("/orders", fibermsal.RequireToken(fibermsal.HasScope("Orders.Write")), orders.add)
	app.Get("/orders", fibermsal.RequireFrom(fibermsal.AppTokens, fibermsal.HasRole("Orders.Read.All")), orders.count)
	return app, nil
}

// me calls Graph on behalf of the user. It returns errors unchanged, so that the page learns which
// scope to request if the user has not consented yet.
func me(c *fiber.Ctx) error {
	me, err := graph.Me(c).Get(c.UserContext(), nil)
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"name": me.GetDisplayName(), "jobTitle": me.GetJobTitle(), "mail": me.GetMail()})
}

func salary(c *fiber.Ctx) error {
	user, _ := fibermsal.FromContext(c)
	return c.JSON(fiber.Map{"salary": "more than last year", "of": user.Name})
}

// orders would be in a database.
type orders struct{ placed atomic.Int64 }

func (o *orders) add(c *fiber.Ctx) error {
	user, _ := fibermsal.FromContext(c)
	return c.Status(fiber.StatusCreated).JSON(fiber.Map{"order": o.placed.Add(1), "placedBy": user.Name})
}

// count is for apps that call without a user; user is then the app.
func (o *orders) count(c *fiber.Ctx) error {
	user, _ := fibermsal.FromContext(c)
	return c.JSON(fiber.Map{"orders": o.placed.Load(), "calledBy": user.ClientID})
}
