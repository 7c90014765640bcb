package main

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/filesystem"
	"github.com/gofiber/fiber/v2/middleware/logger"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/gofiber/template/html/v2"
	"github.com/valyala/fasthttp"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/graph"
)

//go:embed views static
var files embed.FS

// readTimeout is how long an unused connection can delay a shutdown, because browsers open connections
// in advance without sending anything. keepAlive is how long used connections are kept for the next
// request.
const (
	readTimeout = 5 * time.Second
	keepAlive   = 2 * time.Minute
)

// newApp returns the app with its middlewares and routes.
func newApp(s *settings) (*fiber.App, error) {
	s.auth.Info = map[string]func(*fiber.Ctx, *fibermsal.User) (any, error){
		"storage": s.info,
	}
	p := &pages{settings: s, source: sourceOf(pagesSource)}
	s.auth.Pages = p.ofLibrary
	auth, err := fibermsal.Open(s.auth)
	if err != nil {
		return nil, err
	}
	p.auth = auth
	views, err := newViews()
	if err != nil {
		return nil, err
	}
	static, err := fs.Sub(files, "static")
	if err != nil {
		return nil, err
	}

	server := fiber.New(fiber.Config{
		AppName:               "fibermsal example",
		Views:                 views,
		ErrorHandler:          p.failed,
		ReadBufferSize:        16 << 10, // for sign-ins with long URLs or codes
		ReadTimeout:           readTimeout,
		IdleTimeout:           keepAlive,
		DisableStartupMessage: true,
	})
	server.Hooks().OnShutdown(auth.Close)
	if err := renderOnce(server); err != nil {
		return nil, err
	}

	// The logger comes first, because it calls the ErrorHandler itself: behind fibermsal, it would
	// answer the errors for which fibermsal should start a sign-in. It logs paths without queries,
	// because queries contain codes and states.
	server.Use(logger.New(logger.Config{Format: "${time} ${status} ${method} ${path} ${latency}\n", Output: s.accessLog}))
	server.Use(recover.New(recover.Config{EnableStackTrace: true}))
	server.Use(protect(contentPolicy(s.auth.PublicURL)))

	app := server.Group(s.mount())
	app.Get("/favicon.ico", func(c *fiber.Ctx) error { return c.Redirect(s.base() + "/static/icon.svg") }) // for JSON responses, which link to no icon
	app.Use("/static", filesystem.New(filesystem.Config{Root: http.FS(static), MaxAge: 3600}))

	server.Use(auth.Handler())
	// /user/login, /user/authorized, /user/logout, /user/info, /user/frontchannel-logout,
	// /user/manager and /user/photo
	auth.RegisterRoutes(app, graph.Routes())

	app.Get("/", p.home)
	app.Get("/profile", fibermsal.Require(), p.profile)
	app.Get("/graph", fibermsal.Require(), p.typed)
	app.Get("/session", fibermsal.Require(), p.session)
	app.Get("/api/me", fibermsal.Require(), apiMe)
	app.Post("/account/switch", sameOrigin(s.auth.PublicURL), p.switchAccount)
	app.Post("/account/leave", sameOrigin(s.auth.PublicURL), p.leave)
	app.Post("/session/end", sameOrigin(s.auth.PublicURL), fibermsal.Require(), p.endSessions)

	app.Get("/org", fibermsal.Require(), p.org)
	app.Get("/recent", fibermsal.Require(fibermsal.AuthenticatedWithin(5*time.Minute)), p.recent)
	app.Get("/confirmed", fibermsal.Require(fibermsal.HasAuthContext("c1")), p.confirmed)
	app.Get("/admin", fibermsal.Require(fibermsal.HasRole("Portal.Admin")), p.admin)
	return server, nil
}

func newViews() (*html.Engine, error) {
	views, err := fs.Sub(files, "views")
	if err != nil {
		return nil, err
	}
	engine := html.NewFileSystem(http.FS(views), ".html")
	engine.AddFuncMap(map[string]any{"date": date, "span": span, "initials": initials})
	return engine, engine.Load()
}

// renderOnce renders each page once before the app serves requests, because html/template completes a
// template, and Fiber its list of apps, at the first rendering and without a lock. It also detects a
// page that cannot be rendered at start-up rather than when a user opens it.
func renderOnce(app *fiber.App) error {
	c := app.AcquireCtx(&fasthttp.RequestCtx{})
	defer app.ReleaseCtx(c)
	for _, name := range []string{"home", "profile", "typed", "session", "org", "guarded", "admin", "library", "error"} {
		if err := c.Render(name, page{}); err != nil {
			return fmt.Errorf("view %s: %w", name, err)
		}
	}
	return nil
}

// contentPolicy allows the app's own style, pictures and forms, and nothing else; the app has no
// scripts. Chromium also applies form-action to redirects after a POST. Signing out redirects to Entra
// and from there possibly to unknown hosts, so the policy allows any https URL and, for an app on this
// machine, the emulator's pages.
func contentPolicy(publicURL string) string {
	forms := "'self' https:"
	if u, err := url.Parse(publicURL); err == nil && isLocal(u.Hostname()) {
		forms += " http://*.localhost:*"
	}
	return "default-src 'none'; style-src 'self'; img-src 'self'; form-action " + forms +
		"; base-uri 'none'; frame-ancestors 'none'"
}

// sameOrigin refuses requests from pages of other sites. Browsers send the source of a request in
// Sec-Fetch-Site; old ones at least send Origin with a POST.
func sameOrigin(publicURL string) fiber.Handler {
	own := strings.TrimSuffix(publicURL, "/")
	return func(c *fiber.Ctx) error {
		site := c.Get("Sec-Fetch-Site")
		if site == "same-origin" || (site == "" && c.Get(fiber.HeaderOrigin) == own) {
			return c.Next()
		}
		return fiber.ErrForbidden
	}
}

// protect sets the default headers of all responses. Pages show the signed-in user, so no cache may
// store them.
func protect(policy string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentSecurityPolicy, policy)
		c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
		c.Set(fiber.HeaderReferrerPolicy, "same-origin")
		c.Set(fiber.HeaderCacheControl, "no-store, private")
		return c.Next()
	}
}
