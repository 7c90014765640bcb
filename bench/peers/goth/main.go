// Goth_fiber with goth's provider for Entra, as in their examples. The session contains the provider's
// marshalled data and the user.
package main

import (
	"log"
	"net/http"
	"net/url"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"
	"github.com/gofiber/storage/redis/v3"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/azureadv2"
	"github.com/shareed2k/goth_fiber"

	"github.com/fibermsal/fibermsal/bench/peers"
	"github.com/fibermsal/fibermsal/bench/peers/fiberapp"
)

const provider = "azureadv2"

func main() {
	env := peers.FromEnv()
	client := env.Client()
	entra := azureadv2.New(env.ClientID, env.ClientSecret, env.PublicURL+"/auth/"+provider+"/callback", azureadv2.ProviderOptions{
		Tenant: azureadv2.TenantType(env.TenantID),
		Scopes: []azureadv2.ScopeType{
			azureadv2.OpenIDScope, azureadv2.ProfileScope, azureadv2.ScopeType("offline_access"), azureadv2.UserReadScope,
		},
	})
	entra.HTTPClient = &http.Client{Timeout: client.Timeout, Transport: elsewhere{client.Transport, hostOf(env.Authority)}}
	goth.UseProviders(entra)
	goth_fiber.SessionStore = session.New(session.Config{
		Storage: redis.New(redis.Config{URL: env.RedisURL, PoolSize: 100}), CookieHTTPOnly: true,
	})

	app := fiberapp.New(env)
	app.Get("/auth/:provider", goth_fiber.BeginAuthHandler)
	app.Get("/auth/:provider/callback", func(c *fiber.Ctx) error {
		user, err := goth_fiber.CompleteUserAuth(c, goth_fiber.CompleteUserAuthOptions{ShouldLogout: false})
		if err != nil {
			return err
		}
		if err := goth_fiber.StoreInSession("user", user.UserID, c); err != nil {
			return err
		}
		return c.Redirect("/", fiber.StatusSeeOther)
	})
	app.Get("/session", func(c *fiber.Ctx) error {
		id, err := goth_fiber.GetFromSession("user", c)
		if err != nil {
			return fiber.ErrUnauthorized
		}
		return c.SendString(id)
	})
	app.Get("/graph", func(c *fiber.Ctx) error {
		kept, err := goth_fiber.GetFromSession(provider, c)
		if err != nil {
			return fiber.ErrUnauthorized
		}
		s, err := entra.UnmarshalSession(kept)
		if err != nil {
			return err
		}
		token := s.(*azureadv2.Session).AccessToken //nolint:errcheck // its own type
		id, status, err := env.Me(c.UserContext(), client, token)
		return fiberapp.Answer(c, id, status, err)
	})
	fiberapp.Serve(env, app)
}

// elsewhere redirects the provider's requests to the emulator, because Microsoft's addresses are built
// into the provider.
type elsewhere struct {
	http.RoundTripper
	host string
}

// RoundTrip implements http.RoundTripper.
func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host, r.Host = e.host, e.host
	return e.RoundTripper.RoundTrip(r)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		log.Fatal(err)
	}
	return u.Host
}
