// Goth is an app that signs users in with goth_fiber, as shown in docs/migration-goth-fiber.md.
package main

import (
	"log"
	"os"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/azureadv2"
	"github.com/shareed2k/goth_fiber"
)

func main() {
	// readme:start
	goth.UseProviders(azureadv2.New(os.Getenv("CLIENT_ID"), os.Getenv("CLIENT_SECRET"),
		"https://app.example.com/auth/azureadv2/callback", azureadv2.ProviderOptions{Tenant: azureadv2.TenantType(os.Getenv("TENANT_ID"))}))
	store := session.New()

	app := fiber.New()
	app.Get("/auth/:provider", goth_fiber.BeginAuthHandler)
	app.Get("/auth/:provider/callback", func(c *fiber.Ctx) error {
		user, err := goth_fiber.CompleteUserAuth(c)
		if err != nil {
			return err
		}
		s, err := store.Get(c)
		if err != nil {
			return err
		}
		if err := s.Regenerate(); err != nil { // a new session ID, against fixation
			return err
		}
		s.Set("name", user.Name)
		if err := s.Save(); err != nil {
			return err
		}
		return c.Redirect("/hello")
	})
	app.Get("/hello", func(c *fiber.Ctx) error {
		s, err := store.Get(c)
		if err != nil {
			return err
		}
		name, ok := s.Get("name").(string)
		if !ok {
			return c.Redirect("/auth/azureadv2")
		}
		return c.JSON(fiber.Map{"hello": name})
	})
	log.Fatal(app.Listen(":3000"))
	// readme:end
}
