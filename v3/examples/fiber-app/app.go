package main

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/helmet"
	"github.com/gofiber/fiber/v3/middleware/logger"
	"github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/gofiber/fiber/v3/middleware/static"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/fibermsal/fibermsal/graph"
	"github.com/fibermsal/fibermsal/v3"
)

//go:embed views static
var files embed.FS

var views = template.Must(template.ParseFS(files, "views/*.html"))

// readTimeout is how long an unused connection can delay a shutdown, because browsers open connections
// in advance without sending anything.
const (
	readTimeout = 5 * time.Second
	keepAlive   = 2 * time.Minute
)

// contentPolicy allows the app's own style and pictures but no scripts.
const contentPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"

func newApp(cfg fibermsal.Config) (*fiber.App, error) {
	cfg.Pages = ofLibrary
	auth, err := fibermsal.Open(cfg)
	if err != nil {
		return nil, err
	}
	assets, err := fs.Sub(files, "static")
	if err != nil {
		return nil, err
	}
	app := fiber.New(fiber.Config{
		ErrorHandler:   failed,
		ReadBufferSize: 16 << 10, // for the cookies of several sign-ins at once
		ReadTimeout:    readTimeout,
		IdleTimeout:    keepAlive,
	})
	app.Hooks().OnPostShutdown(func(error) error { return auth.Close() })

	// The logger comes first, because behind fibermsal it would answer the errors for which fibermsal
	// should start a sign-in. It logs paths without queries, because queries contain codes and states.
	app.Use(logger.New(logger.Config{Format: "${time} ${status} ${method} ${path} ${latency}\n", Stream: os.Stderr}))
	app.Use(recover.New(recover.Config{EnableStackTrace: true}))
	app.Use(helmet.New(helmet.Config{ReferrerPolicy: "same-origin", ContentSecurityPolicy: contentPolicy}))
	app.Use("/static", static.New("", static.Config{FS: assets, MaxAge: 3600}))
	// JSON responses link to no icon.
	app.Get("/favicon.ico", func(c fiber.Ctx) error { return c.Redirect().To("/static/icon.svg") })
	// Pages show the signed-in user, so no cache may store them.
	app.Use(func(c fiber.Ctx) error {
		c.Set(fiber.HeaderCacheControl, "no-store, private")
		return c.Next()
	})
	app.Use(auth.Handler())
	auth.RegisterRoutes(app, graph.Routes()) // /user/login, /user/logout, /user/info, /user/manager, /user/photo

	app.Get("/", home)
	app.Get("/profile", fibermsal.Require(), profile)
	app.Post("/account/switch", switchAccount)
	app.Get("/api/me", fibermsal.Require(), apiMe)
	return app, nil
}

// page is the data for every view.
type page struct {
	Title   string
	User    *fibermsal.User // nil if no user is signed in
	Content any
}

func render(c fiber.Ctx, view, title string, content any) error {
	user, _ := fibermsal.FromContext(c)
	var body bytes.Buffer
	if err := views.ExecuteTemplate(&body, view, page{Title: title, User: user, Content: content}); err != nil {
		return err
	}
	c.Type("html", "utf-8")
	return c.Send(body.Bytes())
}

func home(c fiber.Ctx) error { return render(c, "home.html", "Sign in with Microsoft", nil) }

// profile shows the user and the user's manager. The photo is an <img> of /user/photo.
func profile(c fiber.Ctx) error {
	me, err := graph.Me(c).Get(c.Context(), nil)
	if err != nil {
		return err // an expired token or a missing consent is handled by the middleware
	}
	manager, err := graph.Manager(c)
	if err != nil && !errors.Is(err, graph.ErrAccessDenied) { // some tenants require User.Read.All
		return err
	}
	content := struct{ Me, Manager *person }{Me: personOf(me)}
	if manager != nil {
		content.Manager = personOf(manager)
	}
	return render(c, "profile.html", content.Me.Name, content)
}

// ofLibrary renders fibermsal's pages in the design of this app. Their texts, in the user's language,
// and the status are given.
func ofLibrary(c fiber.Ctx, own fibermsal.Page) error {
	return render(c, "library.html", own.Message, own)
}

// person is a person on the profile page.
type person struct{ Name, Title, Mail, Login string }

func personOf(u models.Userable) *person {
	return &person{
		Name: text(u.GetDisplayName()), Title: text(u.GetJobTitle()),
		Mail: text(u.GetMail()), Login: text(u.GetUserPrincipalName()),
	}
}

// text returns the value of a property of Graph, or "" for null.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// switchAccount lets the user select another account at Entra. The user stays signed in until the new
// sign-in succeeds.
func switchAccount(fiber.Ctx) error {
	return fibermsal.StartSignIn(fibermsal.SignInOptions{Prompt: fibermsal.PromptSelectAccount, To: "/profile"})
}

// apiMe is for programs. Without a session, they get 401 with the login URL as problem+json.
func apiMe(c fiber.Ctx) error {
	me, err := graph.Me(c).Get(c.Context(), nil)
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{
		"id": me.GetId(), "displayName": me.GetDisplayName(), "mail": me.GetMail(), "userPrincipalName": me.GetUserPrincipalName(),
	})
}

// failed answers the errors that fibermsal does not answer: unknown URLs and failures of this app.
func failed(c fiber.Ctx, err error) error {
	status := fiber.StatusInternalServerError
	var fiberError *fiber.Error
	if errors.As(err, &fiberError) {
		status = fiberError.Code
	}
	if status >= fiber.StatusInternalServerError {
		slog.LogAttrs(c.Context(), slog.LevelError, "request failed", slog.Any("error", err))
	}
	c.Status(status)
	return render(c, "error.html", http.StatusText(status), nil)
}
