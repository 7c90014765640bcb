// Package verifiers contains the ways in which Fiber apps verify access tokens without fibermsal.
package verifiers

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	jwtware "github.com/gofiber/contrib/jwt"
	"github.com/gofiber/fiber/v2"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/jwa"
	"github.com/lestrrat-go/jwx/jwk"
	"github.com/lestrrat-go/jwx/jws"
	jwxjwt "github.com/lestrrat-go/jwx/jwt"
)

// API is the API for which a token must have been issued.
type API struct{ Issuer, Audience string }

// ContribJWT is github.com/gofiber/contrib/jwt with a JWKS, and with the checks of the issuer and the
// audience that its users add for Entra. The last handler responds with the ID of the user.
func ContribJWT(api API, config jwtware.Config) []fiber.Handler {
	config.SuccessHandler = func(c *fiber.Ctx) error {
		claims := claimsOf(c)
		issuer, err := claims.GetIssuer()
		if err != nil || issuer != api.Issuer {
			return fiber.ErrUnauthorized
		}
		audience, err := claims.GetAudience()
		if err != nil || !slices.Contains(audience, api.Audience) {
			return fiber.ErrUnauthorized
		}
		return c.Next()
	}
	return []fiber.Handler{jwtware.New(config), func(c *fiber.Ctx) error {
		id, ok := claimsOf(c)["oid"].(string)
		if !ok {
			return fiber.ErrUnauthorized
		}
		return c.SendString(id)
	}}
}

// claimsOf returns the claims of the token that the middleware has verified.
func claimsOf(c *fiber.Ctx) jwt.MapClaims {
	token, _ := c.Locals("user").(*jwt.Token)
	claims, _ := token.Claims.(jwt.MapClaims)
	return claims
}

// claims is an app's type for the claims of a token.
type claims struct {
	ID     string `json:"oid"`
	Scopes string `json:"scp"`
}

// JWX verifies tokens with lestrrat-go/jwx in the same steps as github.com/xenitab/go-oidc-middleware,
// whose Fiber adapter is not available from a module proxy. The steps are the header, the key, the
// token, its claims, and the conversion of the claims to the app's own type by JSON.
func JWX(api API, keys func() jwk.Set) fiber.Handler {
	return func(c *fiber.Ctx) error {
		scheme, raw, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
		if scheme != "Bearer" {
			return fiber.ErrBadRequest
		}
		found, err := jwxClaims(c, api, keys(), raw)
		if err != nil || found.ID == "" {
			return fiber.ErrUnauthorized
		}
		c.Locals("claims", found)
		return c.SendString(found.ID)
	}
}

var errToken = errors.New("the token is for another API, of another issuer, or not valid now")

func jwxClaims(c *fiber.Ctx, api API, keys jwk.Set, raw string) (found claims, err error) {
	message, err := jws.ParseString(raw)
	if err != nil {
		return found, err
	}
	if len(message.Signatures()) != 1 {
		return found, errToken
	}
	key, ok := keys.LookupKeyID(message.Signatures()[0].ProtectedHeaders().KeyID())
	if !ok {
		return found, errToken
	}
	token, err := jwxjwt.ParseString(raw, jwxjwt.WithVerify(jwa.RS256, key))
	if err != nil {
		return found, err
	}
	if token.Expiration().Before(time.Now()) || token.Issuer() != api.Issuer || !slices.Contains(token.Audience(), api.Audience) {
		return found, errToken
	}
	all, err := token.AsMap(c.UserContext())
	if err != nil {
		return found, err
	}
	text, err := json.Marshal(all)
	if err != nil {
		return found, err
	}
	return found, json.Unmarshal(text, &found)
}
