// Minimal is the quick start of the README as a whole program.
package main

import (
	"encoding/base64"
	"log"
	"os"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/graph"
)

func main() {
	// readme:start
	cfg := fibermsal.Config{
		ClientID:     os.Getenv("FIBERMSAL_CLIENT_ID"),
		ClientSecret: os.Getenv("FIBERMSAL_CLIENT_SECRET"),
		TenantID:     os.Getenv("FIBERMSAL_TENANT_ID"),
		PublicURL:    os.Getenv("FIBERMSAL_PUBLIC_URL"), // http://localhost:3000
	}
	if url := os.Getenv("FIBERMSAL_REDIS_URL"); url != "" { // otherwise sessions live in memory
		storage, err := fibermsal.RedisStorage(url)
		key, badKey := base64.StdEncoding.DecodeString(os.Getenv("FIBERMSAL_KEYS")) // openssl rand -base64 32
		if err != nil || badKey != nil {
			log.Fatal("FIBERMSAL_REDIS_URL or FIBERMSAL_KEYS is not right")
		}
		cfg.Storage = storage // or the one of your session middleware: store.Storage
		cfg.Keys = [][]byte{key}
	}

	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app) // /user/login, /user/authorized, /user/logout, /user/info
	graph.RegisterRoutes(app)     // /user/manager, /user/photo

	app.Get("/hello", fibermsal.Require(), func(c *fiber.Ctx) error {
		me, err := graph.Me(c).Get(c.UserContext(), nil) // typed: msgraph-sdk-go
		if err != nil {
			return err // consent missing? signed out elsewhere? handled for you
		}
		return c.JSON(fiber.Map{"hello": me.GetDisplayName()})
	})
	log.Fatal(app.Listen(":3000"))
	// readme:end
}
