package fibermsal_test

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/extractors"
	"github.com/gofiber/fiber/v3/middleware/session"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/v3"
)

// Sessions of Fiber's middleware and of this package share a storage.
func ExampleRedisStorage() {
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	keys := [][]byte{[]byte("0123456789abcdef0123456789abcdef")}
	// readme:start
	storage, err := fibermsal.RedisStorage("redis://localhost:6379/0") // or any fiber.Storage
	if err != nil {
		log.Fatal(err)
	}
	app.Use(session.New(session.Config{Storage: storage, Extractor: extractors.FromCookie("session_v3")}))
	app.Use(fibermsal.New(fibermsal.Config{
		ClientID: "…", ClientSecret: "…", TenantID: "…", PublicURL: "https://app.example.com",
		Storage: storage, Keys: keys,
	}))
	// readme:end
	defer func() { _ = storage.Close() }()
	app.Get("/", func(c fiber.Ctx) error { return c.SendString("Hello") })
	resp, err := app.Test(httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	fmt.Println(resp, err)
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
	app.Get("/orders", fibermsal.RequireToken(fibermsal.HasScope("Orders.Read")), func(c fiber.Ctx) error {
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
	idp := entratest.New(entratest.WithAPI(entratest.API{URI: "api://00001111-aaaa-2222-bbbb-3333cccc4444", Scopes: []string{"access_as_user"}}))
	defer func() { _ = idp.Close() }()
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(fibermsal.New(fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority,
		GraphURL: idp.GraphURL, HTTPClient: idp.HTTPClient, PublicURL: "https://app.example",
	}))
	app.Get("/hello", fibermsal.RequireFrom(fibermsal.Sessions|fibermsal.UserTokens), func(c fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		_, byToken := fibermsal.TokenFromContext(c)
		return c.SendString(fmt.Sprintf("%s, by token: %t", user.Name, byToken))
	})
	r := httptest.NewRequest(http.MethodGet, "/hello", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+idp.Issue("AlexW@contoso.com", "api://"+idp.ClientID+"/access_as_user"))
	resp, err := app.Test(r)
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(string(body))
	// Output: Alex Wilber, by token: true
}
