package fibermsal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// The examples of docs/recipes.md, which readme_test.go compares.

// A handler starts a sign-in with all available options, and a hook completes it.
func ExampleStartSignIn_options() {
	idp, cfg := exampleConfig()
	defer func() { _ = idp.Close() }()
	// readme:start
	cfg.BeforeSignIn = func(c *fiber.Ctx, o *fibermsal.SignInOptions) error {
		if o.LoginHint == "" {
			o.LoginHint = c.Cookies("last_account") // a cookie of the app's own
		}
		return nil
	}
	// readme:end
	app := fiber.New()
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app)
	// readme:start
	app.Post("/connect", func(c *fiber.Ctx) error {
		return fibermsal.StartSignIn(fibermsal.SignInOptions{
			Scopes:     []string{"Calendars.Read"}, // besides Config.Scopes
			LoginHint:  c.FormValue("account"),     // the account that Entra fills in
			DomainHint: "contoso.com",              // the identity provider that Entra goes to
			Prompt:     fibermsal.PromptLogin,      // or PromptSelectAccount, PromptCreate
			Parameters: map[string]string{"ui_locales": "de-AT"},
			To:         c.FormValue("to"), // never leads to another site
		})
	})
	// readme:end

	v := visitor{app: app, idp: idp, cookies: map[string]string{"last_account": "AdeleV@contoso.com"}}
	connect := v.send(http.MethodPost, "/connect")
	authorize, _ := url.Parse(v.send(http.MethodGet, connect.Header.Get("Location")).Header.Get("Location"))
	for _, name := range []string{"scope", "login_hint", "domain_hint", "prompt", "ui_locales"} {
		fmt.Println(name, "=", authorize.Query().Get(name))
	}
	// Output:
	// scope = openid profile offline_access User.Read Calendars.Read
	// login_hint = AdeleV@contoso.com
	// domain_hint = contoso.com
	// prompt = login
	// ui_locales = de-AT
}

// Users see their own sessions, and end those in other browsers. Config.OnSignOut is called for each
// session that a user or EndSessions has ended.
func ExampleSessionFromContext() {
	idp, cfg := exampleConfig()
	defer func() { _ = idp.Close() }()
	cfg.OnSignOut = func(_ context.Context, user *fibermsal.User) error {
		fmt.Println("signed out:", user.Name)
		return nil
	}
	app := fiber.New()
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app)
	// readme:start
	app.Get("/sessions", fibermsal.Require(), func(c *fiber.Ctx) error {
		auth, _ := fibermsal.AuthFromContext(c)
		user, _ := fibermsal.FromContext(c)
		current, _ := fibermsal.SessionFromContext(c)
		list := []fiber.Map{}
		own := fibermsal.SessionFilter{TenantID: user.TenantID, UserID: user.ID}
		for s, err := range auth.Sessions(c.UserContext(), own) { // the newest first
			if err != nil {
				return err
			}
			list = append(list, fiber.Map{"id": s.ID, "current": s.ID == current.ID, "last_seen_at": s.LastSeenAt})
		}
		return c.JSON(list)
	})
	app.Post("/sessions/:id/end", fibermsal.Require(), func(c *fiber.Ctx) error {
		auth, _ := fibermsal.AuthFromContext(c)
		user, _ := fibermsal.FromContext(c)
		// The user in the filter ensures that users can end only their own sessions.
		own := fibermsal.SessionFilter{ID: c.Params("id"), TenantID: user.TenantID, UserID: user.ID}
		if _, err := auth.EndSessions(c.UserContext(), own); err != nil {
			return err
		}
		return c.SendStatus(fiber.StatusNoContent)
	})
	// readme:end

	laptop := visitor{app: app, idp: idp, cookies: map[string]string{}}
	phone := visitor{app: app, idp: idp, cookies: map[string]string{}}
	phone.signIn("AdeleV@contoso.com")
	laptop.signIn("AdeleV@contoso.com")
	var sessions []struct {
		ID      string
		Current bool
	}
	_ = json.NewDecoder(laptop.send(http.MethodGet, "/sessions").Body).Decode(&sessions)
	for _, s := range sessions {
		fmt.Println("current:", s.Current)
		if !s.Current {
			laptop.send(http.MethodPost, "/sessions/"+s.ID+"/end")
		}
	}
	fmt.Println("the phone gets", phone.send(http.MethodGet, "/sessions").StatusCode)
	// Output:
	// current: true
	// current: false
	// signed out: Adele Vance
	// the phone gets 401
}

// An open page polls for news, which does not keep its user signed in.
func ExamplePassive() {
	idp, cfg := exampleConfig()
	defer func() { _ = idp.Close() }()
	app := fiber.New()
	app.Use(fibermsal.New(cfg))
	news := func(c *fiber.Ctx) error { return c.SendString("no news") }
	// readme:start
	app.Use("/user/info", fibermsal.Passive()) // in front of RegisterRoutes
	fibermsal.RegisterRoutes(app)
	app.Get("/news", fibermsal.Passive(), fibermsal.Require(), news) // Passive in front of Require
	// readme:end

	v := visitor{app: app, idp: idp, cookies: map[string]string{}}
	v.signIn("AdeleV@contoso.com")
	fmt.Println(v.send(http.MethodGet, "/news").StatusCode)
	// Output: 200
}

// Two apps on two hosts share the handlers of one Fiber app.
func ExampleNew_hosts() {
	idp, one := exampleConfig()
	defer func() { _ = idp.Close() }()
	two := one
	one.PublicURL, two.PublicURL = "https://one.example", "https://two.example"
	app := fiber.New()
	// readme:start
	two.Next = func(c *fiber.Ctx) bool { return c.Hostname() != "two.example" }
	one.Next = func(c *fiber.Ctx) bool { return c.Hostname() == "two.example" } // serves all other hosts
	app.Use(fibermsal.New(one), fibermsal.New(two))
	fibermsal.RegisterRoutes(app)
	// readme:end

	for _, host := range []string{"one.example", "two.example", "www.one.example"} {
		r := httptest.NewRequest(http.MethodGet, "/user/login", http.NoBody)
		r.Host = host
		r.Header.Set("Accept", "text/html")
		response, _ := app.Test(r)
		to, _ := url.Parse(response.Header.Get("Location"))
		fmt.Println(host, "->", to.Host, to.Query().Get("redirect_uri"))
	}
	// Output:
	// one.example -> login.entra.test https://one.example/user/authorized
	// two.example -> login.entra.test https://two.example/user/authorized
	// www.one.example -> one.example
}

func exampleConfig(options ...entratest.Option) (*entratest.Server, fibermsal.Config) {
	idp := entratest.New(append(options, entratest.WithRedirectURI("https://app.example/user/authorized"))...)
	return idp, fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority,
		GraphURL: idp.GraphURL, HTTPClient: idp.HTTPClient, PublicURL: "https://app.example",
		Logger: slog.New(slog.DiscardHandler),
	}
}

// visitor is a browser that keeps cookies.
type visitor struct {
	app     *fiber.App
	idp     *entratest.Server
	cookies map[string]string
}

func (v *visitor) send(method, path string) *http.Response {
	r := httptest.NewRequest(method, path, http.NoBody)
	if strings.HasPrefix(path, "/connect") {
		r.Header.Set("Accept", "text/html") // of a form
	}
	return v.deliver(r)
}

func (v *visitor) deliver(r *http.Request) *http.Response {
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	response, err := v.app.Test(r)
	if err != nil {
		panic(err)
	}
	for _, c := range response.Cookies() {
		v.cookies[c.Name] = c.Value
	}
	return response
}

func (v *visitor) signIn(account string) {
	answer, err := v.idp.SignIn(v.send(http.MethodGet, "/user/login").Header.Get("Location"), account)
	if err != nil {
		panic(err)
	}
	v.deliver(answer.Request())
}
