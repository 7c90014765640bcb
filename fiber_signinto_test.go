package fibermsal_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// app.Test has a different signature in each version of Fiber, and entratest depends on neither.
func TestFiber_ATestUserSignsInWithOneLine(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]fibermsal.ResponseMode{"form_post": fibermsal.ResponseModeFormPost, "query": fibermsal.ResponseModeQuery} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t)
			cfg := configFor(idp)
			cfg.ResponseMode = mode
			app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
			app.Use(fibermsal.New(cfg))
			fibermsal.RegisterRoutes(app)
			app.Get("/hello", fibermsal.Require(), func(c *fiber.Ctx) error {
				user, _ := fibermsal.FromContext(c)
				return c.SendString("Hello " + user.Name)
			})
			visitor, err := entratest.SignInTo(idp, app.Test, "/hello?a=b", adele)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(visitor.Page.Body); string(body) != "Hello Adele Vance" {
				t.Errorf("%d %s, %v", visitor.Page.StatusCode, body, err)
			}
			calls := idp.Count(entratest.Authorize)
			again, err := visitor.Get("/hello")
			if err != nil || again.StatusCode != http.StatusOK || idp.Count(entratest.Authorize) != calls {
				t.Errorf("the next visit: %v", err)
			}
		})
	}
}
