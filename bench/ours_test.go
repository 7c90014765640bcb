package bench

import (
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

// ours returns the Config of an app with a storage.
func ours(idp *entra, storage fiber.Storage) fibermsal.Config {
	return fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, TenantID: idp.TenantID, HTTPClient: idp.HTTPClient,
		PublicURL: publicURL, Storage: storage, Keys: [][]byte{[]byte("a key of these benchmarks, only.")}, Logger: discard,
	}
}

// newOurs returns an app with fibermsal.
func newOurs(tb testing.TB, cfg fibermsal.Config, handlers ...fiber.Handler) *site {
	tb.Helper()
	s, stop := startOurs(tb, cfg, handlers...)
	tb.Cleanup(stop)
	return s
}

// startOurs is newOurs for an app that is stopped before the benchmark ends.
func startOurs(tb testing.TB, cfg fibermsal.Config, handlers ...fiber.Handler) (s *site, stop func()) {
	tb.Helper()
	auth, err := fibermsal.Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	app := fiber.New()
	app.Use(auth.Handler())
	auth.RegisterRoutes(app)
	app.Get("/", handlers...)
	return &site{app: app}, func() { _ = auth.Close() }
}

// greet responds with the signed-in user.
func greet(c *fiber.Ctx) error {
	user, ok := fibermsal.FromContext(c)
	if !ok {
		return fiber.ErrUnauthorized
	}
	return c.SendString(user.ID)
}

// useToken gets the user's token, as a handler that calls an API would.
func useToken(c *fiber.Ctx) error {
	token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{})
	if err != nil {
		return err
	}
	return c.SendString(tokenEnd(token.Token))
}
