// Package bench measures what a request costs.
//
//	go test -run '^$' -bench . -benchmem ./bench
package bench

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"
	"github.com/valyala/fasthttp"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

const redirectURI = "https://app.example/user/authorized"

// signedIn makes an app with the handlers under test and the cookie of a
// signed-in user.
func signedIn(b *testing.B, handlers ...fiber.Handler) (app *fiber.App, cookie string) {
	b.Helper()
	idp := entratest.New(entratest.WithRedirectURI(redirectURI))
	b.Cleanup(func() { _ = idp.Close() })
	app = fiber.New()
	app.Use(fibermsal.New(fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority,
		PublicURL: "https://app.example", HTTPClient: idp.HTTPClient, Logger: slog.New(slog.DiscardHandler),
	}))
	fibermsal.RegisterRoutes(app)
	app.Get("/", handlers...)
	login, err := app.Test(httptest.NewRequest(http.MethodGet, "/user/login", http.NoBody), -1)
	if err != nil {
		b.Fatal(err)
	}
	_ = login.Body.Close()
	answer, err := idp.SignIn(login.Header.Get("Location"), "AdeleV@contoso.com")
	if err != nil {
		b.Fatal(err)
	}
	callback := answer.Request()
	callback.AddCookie(login.Cookies()[0])
	done, err := app.Test(callback, -1)
	if err != nil {
		b.Fatal(err)
	}
	_ = done.Body.Close()
	for _, c := range done.Cookies() {
		if c.Name == "__Host-fibermsal" {
			return app, c.Name + "=" + c.Value
		}
	}
	b.Fatal("not signed in")
	return nil, ""
}

// run calls the app without a network, so that what is measured is the app.
func run(b *testing.B, app *fiber.App, cookie string) {
	b.Helper()
	handler := app.Handler()
	var ctx fasthttp.RequestCtx
	ctx.Request.SetRequestURI("/")
	if cookie != "" {
		ctx.Request.Header.Set("Cookie", cookie)
	}
	b.ReportAllocs()
	for b.Loop() {
		ctx.Response.Reset()
		ctx.ResetUserValues()
		handler(&ctx)
	}
	if status := ctx.Response.StatusCode(); status != http.StatusOK {
		b.Fatalf("status %d", status)
	}
}

func ok(c *fiber.Ctx) error { return c.SendStatus(http.StatusOK) }

func BenchmarkRequest(b *testing.B) {
	b.Run("app=bare", func(b *testing.B) {
		app := fiber.New()
		app.Get("/", ok)
		run(b, app, "")
	})
	b.Run("app=fibermsal/asks=nobody", func(b *testing.B) {
		app, cookie := signedIn(b, ok)
		run(b, app, cookie)
	})
	b.Run("app=fibermsal/asks=user", func(b *testing.B) {
		app, cookie := signedIn(b, fibermsal.Require(), ok)
		run(b, app, cookie)
	})
	b.Run("app=fibermsal/asks=token", func(b *testing.B) {
		app, cookie := signedIn(b, func(c *fiber.Ctx) error {
			_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{})
			return err
		})
		run(b, app, cookie)
	})
	b.Run("app=session-middleware", func(b *testing.B) {
		store := session.New()
		app := fiber.New()
		id := ""
		app.Post("/", func(c *fiber.Ctx) error {
			s, err := store.Get(c)
			if err != nil {
				return err
			}
			id = s.ID()
			s.Set("user", "adele")
			return s.Save()
		})
		app.Get("/", func(c *fiber.Ctx) error {
			s, err := store.Get(c)
			if err != nil || s.Get("user") != "adele" {
				return fiber.ErrUnauthorized
			}
			return nil
		})
		resp, err := app.Test(httptest.NewRequest(http.MethodPost, "/", http.NoBody), -1)
		if err != nil {
			b.Fatal(err)
		}
		_ = resp.Body.Close()
		run(b, app, "session_id="+id)
	})
}
