package bench

import (
	"errors"
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"
	"github.com/markbates/goth"
	"github.com/markbates/goth/gothic"
	"github.com/markbates/goth/providers/azureadv2"
	"github.com/shareed2k/goth_fiber"
)

// newGoth returns an app that signs users in with goth_fiber, as in its README, and keeps goth's
// session for the user's token. goth stores its provider and its store in package variables, so only
// one such app works at a time.
func newGoth(tb testing.TB, idp *entra, storage fiber.Storage) *site {
	tb.Helper()
	provider := azureadv2.New(idp.ClientID, idp.ClientSecret, publicURL+gothAnswer, azureadv2.ProviderOptions{
		Tenant: azureadv2.TenantType(idp.TenantID),
		Scopes: []azureadv2.ScopeType{
			azureadv2.OpenIDScope, azureadv2.ProfileScope, azureadv2.EmailScope, azureadv2.OfflineAccessScope, azureadv2.UserReadScope,
		},
	})
	provider.HTTPClient = idp.HTTPClient
	goth.ClearProviders()
	goth.UseProviders(provider)
	goth_fiber.SessionStore = session.New(session.Config{
		Storage: storage, KeyLookup: "cookie:" + gothic.SessionName, CookieHTTPOnly: true,
	})
	s := &site{app: fiber.New()}
	s.app.Get("/auth/:provider", goth_fiber.BeginAuthHandler)
	s.app.Get("/auth/:provider/callback", func(c *fiber.Ctx) error {
		user, err := goth_fiber.CompleteUserAuth(c, goth_fiber.CompleteUserAuthOptions{ShouldLogout: false})
		if err != nil {
			return err
		}
		if user.UserID == "" {
			return errors.New("nobody")
		}
		return c.Redirect("/", http.StatusSeeOther)
	})
	s.app.Get("/", func(c *fiber.Ctx) error {
		value, err := goth_fiber.GetFromSession(provider.Name(), c)
		if err != nil {
			return err
		}
		stored, err := provider.UnmarshalSession(value)
		if err != nil {
			return err
		}
		signedIn, ok := stored.(*azureadv2.Session)
		if !ok || signedIn.AccessToken == "" {
			return fiber.ErrUnauthorized
		}
		return c.SendString(tokenEnd(signedIn.AccessToken))
	})
	return s
}
