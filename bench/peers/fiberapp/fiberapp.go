// Package fiberapp contains the common parts of the servers on Fiber v2.
package fiberapp

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/pprof"

	"github.com/fibermsal/fibermsal/bench/peers"
)

// New returns the same Fiber app for all servers.
func New(e peers.Env) *fiber.App {
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10, DisableStartupMessage: true})
	if e.Profile {
		app.Use(pprof.New())
	}
	return app
}

// Answer writes the ID of a user, or a status if there is none.
func Answer(c *fiber.Ctx, id string, status int, err error) error {
	switch {
	case err != nil:
		return err
	case status != http.StatusOK:
		return c.SendStatus(status)
	}
	return c.SendString(id)
}

// Serve runs until SIGTERM.
func Serve(e peers.Env, app *fiber.App) {
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	go func() {
		<-stopped.Done()
		_ = app.ShutdownWithTimeout(5 * time.Second) // the process ends anyway
	}()
	if err := app.Listen(net.JoinHostPort("127.0.0.1", e.Port)); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
