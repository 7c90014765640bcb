package fibermsal

import (
	"context"
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/record"
)

// readyTimeout bounds the question whether the app is ready.
const readyTimeout = 2 * time.Second

// Ready answers whether people can sign in and stay signed in: 200 if the storage answers
// and Entra's configuration is known, 503 if not, with both as JSON. Route it for whoever
// watches the app:
//
//	app.Get("/ready", auth.Ready)
//
// It is no reason to restart an instance, nor to take it from the load balancer: while the
// storage is down it is down for all of them, and what needs no sign-in still works.
func (a *Auth) Ready(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), readyTimeout)
	defer cancel()
	_, storageErr := a.records.Sealed(ctx, "ready", record.Session)
	if errors.Is(storageErr, record.ErrNotFound) {
		storageErr = nil
	}
	_, entraErr := a.metadata(ctx)
	c.Set(fiber.HeaderCacheControl, "no-store")
	if storageErr != nil || entraErr != nil {
		c.Status(fiber.StatusServiceUnavailable)
	}
	return c.JSON(fiber.Map{"storage": storageErr == nil, "entra": entraErr == nil})
}
