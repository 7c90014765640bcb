package fibermsal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/gofiber/fiber/v2/middleware/csrf"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// The examples of docs/apis.md, which readme_test.go compares.

// exampleAPI returns an emulator with an API, and the app that has this API.
func exampleAPI(options ...entratest.Option) (*entratest.Server, fibermsal.Config) {
	api := entratest.API{URI: exampleURI, Scopes: []string{"access_as_user", "Orders.Read", "Orders.Write"}}
	return exampleConfig(append([]entratest.Option{entratest.WithAPI(api)}, options...)...)
}

const exampleURI = "api://00001111-aaaa-2222-bbbb-3333cccc4444"

// callExample calls an app with a token, and prints the answer.
func callExample(app *fiber.App, method, path, token string, headers ...string) {
	r := httptest.NewRequest(method, "https://app.example"+path, http.NoBody)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := app.Test(r)
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(resp.Body)
	var problem struct{ Code string }
	if resp.StatusCode != http.StatusOK && json.Unmarshal(body, &problem) == nil {
		body = []byte(problem.Code) // the problem has a random ID
	}
	fmt.Println(method, path, resp.StatusCode, string(body))
	for _, name := range headers {
		fmt.Println(name+":", resp.Header.Get(name))
	}
}

// Routes name the callers that they accept.
func ExampleRequireFrom_callers() {
	idp, cfg := exampleAPI()
	defer func() { _ = idp.Close() }()
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	list := func(c *fiber.Ctx) error { return c.SendString("orders") }
	remove, report, profile := list, list, list
	// readme:start
	app.Use(fibermsal.New(cfg)) // RegisterRoutes only if users also sign in here

	// Users of API clients.
	app.Get("/orders", fibermsal.RequireToken(fibermsal.HasScope("Orders.Read")), list)
	app.Delete("/orders/:id", fibermsal.RequireToken(fibermsal.HasScope("Orders.Write"), fibermsal.HasAuthContext("c1")), remove)
	// Daemons.
	app.Get("/report", fibermsal.RequireFrom(fibermsal.AppTokens, fibermsal.HasRole("Report.Read.All")), report)
	// The app's own pages and API clients.
	app.Get("/profile", fibermsal.RequireFrom(fibermsal.Sessions|fibermsal.UserTokens), profile)
	// readme:end
	callExample(app, http.MethodGet, "/orders", idp.Issue("AdeleV@contoso.com", exampleURI+"/Orders.Read"))
	callExample(app, http.MethodGet, "/profile", idp.Issue("AdeleV@contoso.com", exampleURI+"/Orders.Read"))
	// Output:
	// GET /orders 200 orders
	// GET /profile 200 orders
}

// Pages with a session and an API are one app.
func ExampleRequireFrom_pages() {
	idp, cfg := exampleAPI()
	defer func() { _ = idp.Close() }()
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	place := func(c *fiber.Ctx) error { return c.SendString("placed") }
	stock := func(c *fiber.Ctx) error { return c.SendString("stock") }
	// readme:start
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app)

	// For API clients. They are in front of csrf, because clients have no CSRF tokens. Without an access token they get a challenge.
	api := app.Group("/api", fibermsal.RequireToken(fibermsal.HasScope("access_as_user")))
	api.Post("/orders", place)

	// For the app's own pages.
	app.Use(csrf.New())
	app.Post("/orders", fibermsal.Require(), place)

	// For both.
	app.Get("/stock", fibermsal.RequireFrom(fibermsal.Sessions|fibermsal.UserTokens, clientHas("access_as_user")), stock)
	// readme:end
	client := idp.Issue("AdeleV@contoso.com", exampleURI+"/access_as_user")
	callExample(app, http.MethodPost, "/api/orders", client)
	callExample(app, http.MethodPost, "/api/orders", "")
	callExample(app, http.MethodPost, "/orders", client)
	callExample(app, http.MethodGet, "/stock", client)
	callExample(app, http.MethodGet, "/stock", idp.Issue("AdeleV@contoso.com", exampleURI+"/Orders.Read"))
	browser, err := entratest.SignInTo(idp, app.Test, "/stock", "AdeleV@contoso.com")
	if err != nil {
		panic(err)
	}
	fmt.Println("with a session:", browser.Page.StatusCode)
	// Output:
	// POST /api/orders 200 placed
	// POST /api/orders 401 login_required
	// POST /orders 403 Forbidden
	// GET /stock 200 stock
	// GET /stock 403 insufficient_scope
	// with a session: 200
}

// readme:start
func clientHas(scope string) fibermsal.Check {
	hasScope := fibermsal.HasScope(scope)
	return func(c *fiber.Ctx, user *fibermsal.User) error {
		if _, ok := fibermsal.TokenFromContext(c); !ok {
			return nil // the user of a session
		}
		return hasScope(c, user)
	}
}

// readme:end

// The user and the token of a caller.
func ExampleTokenFromContext() {
	idp, cfg := exampleAPI()
	defer func() { _ = idp.Close() }()
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(fibermsal.New(cfg))
	// readme:start
	app.Get("/who", fibermsal.RequireFrom(fibermsal.UserTokens|fibermsal.AppTokens), func(c *fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)       // tenant and object ID, name, roles; AppOnly and Agent
		token, _ := fibermsal.TokenFromContext(c) // false for the user of a session
		var region string
		if _, err := token.Claim("xms_region", &region); err != nil { // any claim
			return err
		}
		return c.JSON(fiber.Map{"user": user.Username, "app": user.AppOnly, "agent": user.Agent, "client": user.ClientID, "scopes": token.Scopes})
	})
	// readme:end
	callExample(app, http.MethodGet, "/who", idp.Issue("AdeleV@contoso.com", exampleURI+"/access_as_user"))
	// Output:
	// GET /who 200 {"agent":false,"app":false,"client":"00001111-aaaa-2222-bbbb-3333cccc4444","scopes":["access_as_user"],"user":"AdeleV@contoso.com"}
}

// The app calls another API on behalf of the caller.
func ExampleTokenCredential_onBehalfOf() {
	idp, cfg := exampleAPI(entratest.WithAPI(entratest.API{URI: "api://stock", Scopes: []string{"Stock.Read"}}))
	defer func() { _ = idp.Close() }()
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(fibermsal.New(cfg))
	// readme:start
	app.Get("/stock", fibermsal.RequireToken(fibermsal.HasScope("Orders.Read")), func(c *fiber.Ctx) error {
		token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{
			Scopes: []string{"api://stock/Stock.Read"},
		})
		if err != nil {
			return err // becomes the challenge that the client resolves
		}
		return callStock(c, token.Token)
	})
	// readme:end
	callExample(app, http.MethodGet, "/stock", idp.Issue("AdeleV@contoso.com", exampleURI+"/Orders.Read"), "Www-Authenticate")
	// Output:
	// GET /stock 403 consent_required
	// Www-Authenticate: Bearer realm="https://app.example", error="insufficient_scope", error_description="This needs a permission that has not been granted.", scope="api://00001111-aaaa-2222-bbbb-3333cccc4444/.default"
}

func callStock(c *fiber.Ctx, token string) error { return c.SendString(token[:0]) }

// Clients that know only the API's address find Entra.
func ExampleConfig_metadata() {
	idp, cfg := exampleAPI()
	defer func() { _ = idp.Close() }()
	cfg.PublicURL = "https://app.example"
	// readme:start
	cfg.Audiences = []string{"https://app.example/mcp"} // an App ID URI of the registration
	cfg.APIMetadata = &fibermsal.APIMetadata{Scopes: []string{"access_as_user"}, Name: "Orders"}
	// readme:end
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(fibermsal.New(cfg))
	server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := r.Context().Value(userKey{}).(*fibermsal.User)
		fmt.Fprint(w, user.Username)
	})
	// readme:start
	app.All("/mcp", fibermsal.RequireToken(fibermsal.HasScope("access_as_user")), func(c *fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		ctx := context.WithValue(c.UserContext(), userKey{}, user) // TokenCredential(c) can be passed in the same way
		return adaptor.HTTPHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			server.ServeHTTP(w, r.WithContext(ctx))
		}))(c)
	})
	// readme:end
	callExample(app, http.MethodGet, "/.well-known/oauth-protected-resource/mcp", "")
	callExample(app, http.MethodGet, "/mcp", "", "Www-Authenticate")
	callExample(app, http.MethodPost, "/mcp", idp.Issue("AdeleV@contoso.com", exampleURI+"/access_as_user"))
	// Output:
	// GET /.well-known/oauth-protected-resource/mcp 200 {"resource":"https://app.example/mcp","authorization_servers":["https://login.entra.test/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0"],"scopes_supported":["https://app.example/mcp/access_as_user"],"bearer_methods_supported":["header"],"resource_name":"Orders"}
	// GET /mcp 401 login_required
	// Www-Authenticate: Bearer realm="https://app.example", resource_metadata="https://app.example/.well-known/oauth-protected-resource/mcp"
	// POST /mcp 200 AdeleV@contoso.com
}

type userKey struct{}

// readme:start
func TestOrders(t *testing.T) {
	idp := entratest.New(entratest.WithAPI(entratest.API{
		URI: "api://00001111-aaaa-2222-bbbb-3333cccc4444", Scopes: []string{"access_as_user", "Orders.Read"},
	}))
	t.Cleanup(func() { _ = idp.Close() })
	app := newOrders(fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority,
		GraphURL: idp.GraphURL, HTTPClient: idp.HTTPClient, PublicURL: "https://app.example",
	})
	for scope, want := range map[string]int{"Orders.Read": 200, "access_as_user": 403} {
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+idp.Issue("AdeleV@contoso.com", "api://"+idp.ClientID+"/"+scope))
		resp, err := app.Test(r)
		if err != nil || resp.StatusCode != want {
			t.Errorf("%s: %v, want %d (%v)", scope, resp, want, err)
		}
	}
}

// readme:end

func newOrders(cfg fibermsal.Config) *fiber.App {
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(fibermsal.New(cfg))
	app.Get("/orders", fibermsal.RequireToken(fibermsal.HasScope("Orders.Read")), func(c *fiber.Ctx) error { return c.SendString("orders") })
	return app
}
