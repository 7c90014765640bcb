package main

import (
	"bytes"
	"embed"
	"html/template"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

//go:embed views
var files embed.FS

var views = template.Must(template.ParseFS(files, "views/*.html"))

// newApp returns the app with all of its routes.
func newApp(auth *fibermsal.Auth) *fiber.App {
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10}) // for long URLs of sign-ins
	app.Use(protect)
	app.Get("/style.css", style)
	app.Use(auth.Handler())
	auth.RegisterRoutes(app) // /user/login, /user/logout, /user/info

	app.Get("/", home)
	app.Get("/account", fibermsal.Require(), account)
	app.Get("/admin", fibermsal.Require(fibermsal.HasRole("Portal.Admin")), admin) // an app role of the registration
	return app
}

// protect sets the headers of all responses. Pages show the signed-in user, so no cache may store them.
func protect(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
	c.Set(fiber.HeaderCacheControl, "no-store, private")
	return c.Next()
}

func style(c *fiber.Ctx) error {
	css, err := files.ReadFile("views/style.css")
	if err != nil {
		return err
	}
	c.Type("css", "utf-8")
	return c.Send(css)
}

// page is the data for every view.
type page struct {
	Title   string
	User    *fibermsal.User // nil if no user is signed in
	Content any
}

func render(c *fiber.Ctx, view, title string, content any) error {
	user, _ := fibermsal.FromContext(c)
	var body bytes.Buffer
	if err := views.ExecuteTemplate(&body, view, page{title, user, content}); err != nil {
		return err
	}
	c.Type("html", "utf-8")
	return c.Send(body.Bytes())
}

func home(c *fiber.Ctx) error    { return render(c, "home.html", "Welcome", nil) }
func account(c *fiber.Ctx) error { return render(c, "account.html", "Your account", nil) }
func admin(c *fiber.Ctx) error   { return render(c, "account.html", "Administration", nil) }

// drawPage renders fibermsal's pages, such as a refusal, in the design of the app.
func drawPage(c *fiber.Ctx, own fibermsal.Page) error {
	return render(c, "message.html", own.Message, own)
}
