// Fibermsal, as its README shows it.
package main

import (
	"log"
	"log/slog"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/bench/peers"
	"github.com/fibermsal/fibermsal/bench/peers/fiberapp"
	"github.com/fibermsal/fibermsal/graph"
)

func main() {
	env := peers.FromEnv()
	client := env.Client()
	storage, err := fibermsal.RedisStorage(env.RedisURL)
	if err != nil {
		log.Fatal(err)
	}
	auth, err := fibermsal.Open(fibermsal.Config{
		ClientID: env.ClientID, ClientSecret: env.ClientSecret, Authority: env.Authority, GraphURL: env.GraphURL,
		PublicURL: env.PublicURL, HTTPClient: client, Logger: slog.New(slog.DiscardHandler),
		Storage: storage, Keys: [][]byte{env.Key},
	})
	if err != nil {
		log.Fatal(err)
	}
	app := fiberapp.New(env)
	app.Use(auth.Handler())
	auth.RegisterRoutes(app)
	app.Get("/session", fibermsal.Require(), func(c *fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		return c.SendString(user.ID)
	})
	app.Get("/api", fibermsal.RequireToken(fibermsal.HasScope("access_as_user")), func(c *fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		return c.SendString(user.ID)
	})
	app.Get("/graph", fibermsal.Require(), func(c *fiber.Ctx) error {
		token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{})
		if err != nil {
			return err
		}
		id, status, err := env.Me(c.UserContext(), client, token.Token)
		return fiberapp.Answer(c, id, status, err)
	})
	app.Get("/token", fibermsal.Require(), func(c *fiber.Ctx) error {
		token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{})
		if err != nil || token.Token == "" {
			return err
		}
		user, _ := fibermsal.FromContext(c)
		return c.SendString(user.ID)
	})
	app.Get("/typed", fibermsal.Require(), func(c *fiber.Ctx) error {
		me, err := graph.Me(c).Get(c.UserContext(), nil)
		if err != nil {
			return err
		}
		return c.SendString(*me.GetId())
	})
	app.Get("/worker", func(c *fiber.Ctx) error {
		user, err := auth.UserByMail(c.UserContext(), c.Query("mail"))
		if err != nil {
			return err
		}
		return c.SendString(user.ID)
	})
	fiberapp.Serve(env, app)
	_ = auth.Close()
	_ = storage.Close()
}
