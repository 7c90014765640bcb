package fibermsal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// A complete sign-in, with the emulator instead of Entra and Graph.
func Example() {
	idp := entratest.New(entratest.WithRedirectURI("https://app.example/user/authorized"))
	defer func() { _ = idp.Close() }()

	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(fibermsal.New(fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority,
		GraphURL: idp.GraphURL, HTTPClient: idp.HTTPClient, PublicURL: "https://app.example",
	}))
	fibermsal.RegisterRoutes(app)
	app.Get("/hello", fibermsal.Require(), func(c *fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		return c.SendString("Hello " + user.Name)
	})

	// In one line, Adele's browser opens the page, is sent to the sign-in, and returns.
	adele, err := entratest.SignInTo(idp, app.Test, "/hello", "AdeleV@contoso.com")
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(adele.Page.Body)
	fmt.Println(string(body))
	// Output: Hello Adele Vance
}

// Sessions can share the storage of Fiber's session middleware. The records of fibermsal are sealed,
// and their keys do not collide with others.
func ExampleNew_sessionStorage() {
	var keys [][]byte
	app := fiber.New()
	defer func() { fmt.Println(recover() != nil, "without keys") }()

	// readme:start
	store := session.New() // with your storage: session.Config{Storage: …}
	app.Use(fibermsal.New(fibermsal.Config{
		ClientID: "…", ClientSecret: "…", TenantID: "…", PublicURL: "https://app.example.com",
		Storage: store.Storage, Keys: keys,
	}))
	// readme:end
	// Output: true without keys
}

// All mistakes in a Config are reported together.
func ExampleOpen() {
	_, err := fibermsal.Open(fibermsal.Config{
		ClientID: "my app", ClientSecret: "secret", TenantID: "common", PublicURL: "http://app.example.com",
	})
	fmt.Println(err)
	// Output:
	// fibermsal: Config.ClientID: is required: the application (client) ID of the registration (in the environment: …_CLIENT_ID)
	// fibermsal: Config.AllowedTenants: is required with "common", or AnyTenantMaySignIn: without them users of every tenant in the world could sign in (in the environment: …_ALLOWED_TENANTS)
	// fibermsal: Config.PublicURL: must be https; plain http is accepted for localhost only (in the environment: …_PUBLIC_URL)
}

// A handler that needs a token for its own call returns the error unchanged.
func ExampleTokenCredential() {
	app := fiber.New()
	app.Use(fibermsal.New(fibermsal.Config{
		ClientID: "client", ClientSecret: "secret", TenantID: "contoso.com", PublicURL: "https://app.example.com",
		Logger: slog.New(slog.DiscardHandler),
	}))
	app.Get("/report", func(c *fiber.Ctx) error {
		token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), tokenRequest())
		if err != nil {
			return err
		}
		return c.SendString(token.ExpiresOn.String())
	})
	resp, _ := app.Test(httptest.NewRequest(http.MethodGet, "/report", http.NoBody))
	fmt.Println(resp.StatusCode, resp.Header.Get("Content-Type"))
	// Output: 401 application/problem+json
}

// Guards can be combined. If a sign-in can satisfy a check, the user is sent to the sign-in.
func ExampleRequire() {
	app := fiber.New()
	app.Use(fibermsal.New(fibermsal.Config{
		ClientID: "client", ClientSecret: "secret", TenantID: "contoso.com", PublicURL: "https://app.example.com",
		Logger: slog.New(slog.DiscardHandler),
	}))
	pay := func(c *fiber.Ctx) error { return c.SendString("paid") }
	const accounting = "0d3e1a8c-3f5b-4f1e-9a67-3c2b1d0e4f5a"
	// readme:start
	ownDesk := func(c *fiber.Ctx, user *fibermsal.User) error { // a check of the app's own
		if c.Params("desk") != user.ID {
			return fibermsal.ErrForbidden
		}
		return nil
	}
	app.Post("/pay/:desk",
		fibermsal.Require(
			fibermsal.Any(fibermsal.HasRole("Cashier"), fibermsal.InGroup(accounting)),
			fibermsal.HasScope("Mail.Send"),              // else asks for consent, and comes back
			fibermsal.AuthenticatedWithin(5*time.Minute), // else asks for the password again
			ownDesk,
		), pay)
	// readme:end
	resp, _ := app.Test(httptest.NewRequest(http.MethodPost, "/pay/1", http.NoBody))
	fmt.Println(resp.StatusCode)
	// Output: 401
}

// Handlers start sign-ins and sign users out by returning an error.
func ExampleStartSignIn() {
	app := fiber.New()
	app.Use(fibermsal.New(fibermsal.Config{
		ClientID: "client", ClientSecret: "secret", TenantID: "contoso.com", PublicURL: "https://app.example.com",
		Logger: slog.New(slog.DiscardHandler),
	}))
	// readme:start
	app.Post("/switch", func(*fiber.Ctx) error {
		return fibermsal.StartSignIn(fibermsal.SignInOptions{Prompt: fibermsal.PromptSelectAccount, To: "/profile"})
	})
	app.Post("/leave", func(*fiber.Ctx) error { // this app only; the user stays signed in at Entra
		return fibermsal.SignOut(fibermsal.SignOutOptions{AppOnly: true, To: "/goodbye"})
	})
	// readme:end
	resp, _ := app.Test(httptest.NewRequest(http.MethodPost, "/leave", http.NoBody))
	fmt.Println(resp.StatusCode, resp.Header.Get("Location"))
	// Output: 303 /goodbye
}

// A job acts on behalf of a user for as long as the user is signed in.
func ExampleAuth_UserByMail() {
	auth, err := fibermsal.Open(fibermsal.Config{
		ClientID: "client", ClientSecret: "secret", TenantID: "72f988bf-86f1-41af-91ab-2d7cd011db47", PublicURL: "https://app.example.com",
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	defer func() { _ = auth.Close() }()
	ctx := context.Background()
	report := func() error {
		// readme:start
		user, err := auth.UserByMail(ctx, "adelev@contoso.com", "Mail.Send")
		if err != nil {
			return err // errors.Is(err, fibermsal.ErrNotSignedIn): not signed in
		}
		token := user.TokenCredential() // for graph.MeFor(token), or the Azure SDK
		// readme:end
		_ = token
		return nil
	}
	fmt.Println(errors.Is(report(), fibermsal.ErrNotSignedIn))
	// Output: true
}

// An API accepts calls of clients with a user's access token.
func ExampleRequireToken() {
	idp := entratest.New(entratest.WithAPI(entratest.API{
		URI: "api://00001111-aaaa-2222-bbbb-3333cccc4444", Scopes: []string{"Orders.Read", "Orders.Write"},
	}))
	defer func() { _ = idp.Close() }()
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(fibermsal.New(fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority,
		GraphURL: idp.GraphURL, HTTPClient: idp.HTTPClient, PublicURL: "https://app.example", Logger: slog.New(slog.DiscardHandler),
	}))
	app.Get("/orders", fibermsal.RequireToken(fibermsal.HasScope("Orders.Read")), func(c *fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		return c.SendString("Orders of " + user.Name)
	})

	for _, scope := range []string{"Orders.Read", "Orders.Write"} {
		r := httptest.NewRequest(http.MethodGet, "/orders", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+idp.Issue("AdeleV@contoso.com", "api://"+idp.ClientID+"/"+scope))
		resp, err := app.Test(r)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%d %q\n", resp.StatusCode, resp.Header.Get("WWW-Authenticate"))
	}
	// Output:
	// 200 ""
	// 403 "Bearer realm=\"https://app.example\", error=\"insufficient_scope\", error_description=\"The access token lacks a permission that this needs.\", scope=\"api://00001111-aaaa-2222-bbbb-3333cccc4444/Orders.Read\""
}

// A route can accept both the app's own pages, which have a session, and API clients.
func ExampleRequireFrom() {
	idp := entratest.New(entratest.WithRedirectURI("https://app.example/user/authorized"),
		entratest.WithAPI(entratest.API{URI: "api://00001111-aaaa-2222-bbbb-3333cccc4444", Scopes: []string{"access_as_user"}}))
	defer func() { _ = idp.Close() }()
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(fibermsal.New(fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority,
		GraphURL: idp.GraphURL, HTTPClient: idp.HTTPClient, PublicURL: "https://app.example",
	}))
	fibermsal.RegisterRoutes(app)
	app.Get("/hello", fibermsal.RequireFrom(fibermsal.Sessions|fibermsal.UserTokens), func(c *fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		_, byToken := fibermsal.TokenFromContext(c)
		return c.SendString(fmt.Sprintf("%s, by token: %t", user.Name, byToken))
	})

	browser, err := entratest.SignInTo(idp, app.Test, "/hello", "AdeleV@contoso.com")
	if err != nil {
		panic(err)
	}
	page, _ := io.ReadAll(browser.Page.Body)
	fmt.Println(string(page))

	r := httptest.NewRequest(http.MethodGet, "/hello", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+idp.Issue("AlexW@contoso.com", "api://"+idp.ClientID+"/access_as_user"))
	resp, err := app.Test(r)
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(string(body))
	// Output:
	// Adele Vance, by token: false
	// Alex Wilber, by token: true
}
