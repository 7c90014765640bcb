package fibermsal_test

import (
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"

	"github.com/fibermsal/fibermsal/v3"
)

// ownContext is an app's context that keeps its Locals in a map of its own.
type ownContext struct {
	fiber.DefaultCtx

	locals map[any]any
}

// Locals implements fiber.Ctx.
func (c *ownContext) Locals(key any, value ...any) any {
	if len(value) > 0 {
		c.locals[key] = value[0]
	}
	return c.locals[key]
}

// Reset implements fiber.CustomCtx.
func (c *ownContext) Reset(fctx *fasthttp.RequestCtx) {
	c.DefaultCtx.Reset(fctx)
	clear(c.locals)
}

func TestOwnContext_MayKeepLocalsElsewhere(t *testing.T) {
	t.Parallel()
	app := fiber.NewWithCustomCtx(func(app *fiber.App) fiber.CustomCtx {
		return &ownContext{DefaultCtx: *fiber.NewDefaultCtx(app), locals: map[any]any{}}
	}, fiber.Config{ReadBufferSize: 16 << 10})
	idp := newIDP(t)
	auth, err := fibermsal.Open(configFor(idp))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	auth.RegisterRoutes(app)
	app.Use(auth.Handler())
	app.Get("/guarded", fibermsal.Require(), func(c fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		return c.SendString("hello " + user.Username)
	})
	s := siteOf(t, app, idp, &logbook{})
	b := s.browser()
	if a := b.Get("/guarded"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("a stranger: %d", a.StatusCode)
	}
	b.signIn(adele)
	if a := b.Get("/guarded"); a.Text != "hello "+adele {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
	if b.user() != adele {
		t.Error("the route does not find the user")
	}
}
