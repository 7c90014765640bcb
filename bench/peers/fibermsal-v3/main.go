// Fibermsal-v3 is fibermsal on Fiber v3, as its README shows it.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v3"

	"github.com/fibermsal/fibermsal/bench/peers"
	"github.com/fibermsal/fibermsal/graph"
	"github.com/fibermsal/fibermsal/v3"
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
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(auth.Handler())
	auth.RegisterRoutes(app)
	app.Get("/session", fibermsal.Require(), func(c fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		return c.SendString(user.ID)
	})
	app.Get("/api", fibermsal.RequireToken(fibermsal.HasScope("access_as_user")), func(c fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		return c.SendString(user.ID)
	})
	app.Get("/graph", fibermsal.Require(), func(c fiber.Ctx) error {
		token, err := fibermsal.TokenCredential(c).GetToken(c.Context(), policy.TokenRequestOptions{})
		if err != nil {
			return err
		}
		id, status, err := env.Me(c.Context(), client, token.Token)
		switch {
		case err != nil:
			return err
		case status != http.StatusOK:
			return c.SendStatus(status)
		}
		return c.SendString(id)
	})
	app.Get("/typed", fibermsal.Require(), func(c fiber.Ctx) error {
		me, err := graph.Me(c).Get(c.Context(), nil)
		if err != nil {
			return err
		}
		return c.SendString(*me.GetId())
	})
	app.Get("/worker", func(c fiber.Ctx) error {
		user, err := auth.UserByMail(c.Context(), c.Query("mail"))
		if err != nil {
			return err
		}
		return c.SendString(user.ID)
	})
	serve(app, env.Port)
	_ = auth.Close()
	_ = storage.Close()
}

// serve runs until SIGTERM.
func serve(app *fiber.App, port string) {
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	go func() {
		<-stopped.Done()
		_ = app.ShutdownWithTimeout(5 * time.Second) // the process ends anyway
	}()
	if err := app.Listen(net.JoinHostPort("127.0.0.1", port), fiber.ListenConfig{DisableStartupMessage: true}); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
