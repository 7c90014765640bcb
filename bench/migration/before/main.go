// The API of docs/apis.md before a migration to fibermsal.

// readme:start
package main

import (
	"log"
	"slices"
	"strings"

	jwtware "github.com/gofiber/contrib/jwt"
	"github.com/gofiber/fiber/v2"
	"github.com/golang-jwt/jwt/v5"
)

const (
	tenant   = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	clientID = "00001111-aaaa-2222-bbbb-3333cccc4444"
)

func main() {
	app := fiber.New()
	app.Use(jwtware.New(jwtware.Config{
		JWKSetURLs: []string{"https://login.microsoftonline.com/" + tenant + "/discovery/v2.0/keys"},
	}))
	app.Get("/orders", scope("Orders.Read"), func(c *fiber.Ctx) error {
		id, _ := claimsOf(c)["oid"].(string)
		return c.SendString("Orders of " + id)
	})
	log.Fatal(app.Listen(":3000"))
}

// scope checks the scope, which the middleware does not check.
func scope(name string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		claims := claimsOf(c)
		issuer, _ := claims.GetIssuer()
		audience, _ := claims.GetAudience()
		scopes, _ := claims["scp"].(string)
		switch {
		case issuer != "https://login.microsoftonline.com/"+tenant+"/v2.0", !slices.Contains(audience, clientID):
			return fiber.ErrUnauthorized
		case !slices.Contains(strings.Fields(scopes), name):
			return fiber.ErrForbidden
		}
		return c.Next()
	}
}

func claimsOf(c *fiber.Ctx) jwt.MapClaims {
	token, _ := c.Locals("user").(*jwt.Token)
	claims, _ := token.Claims.(jwt.MapClaims)
	return claims
}

// readme:end
