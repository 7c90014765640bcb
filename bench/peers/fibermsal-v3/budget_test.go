package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/v3"
)

// The budgets are those of Fiber v2, see bench/budget_test.go: allocations of a request beside
// those of a bare handler.
const (
	requestAllocations      = 5 + 1
	tokenRequestAllocations = 6 + 1
	callAllocations         = 7 + 1
)

const publicURL = "https://app.example"

func TestBudget_AllocationsOfASignedInRequestOnFiberV3(t *testing.T) {
	bare := fiber.New()
	bare.Get("/", func(c fiber.Ctx) error { return c.SendString("hello") })
	floor := allocations(t, bare, fiber.HeaderCookie, "")
	for name, row := range map[string]struct {
		handler fiber.Handler
		budget  float64
	}{
		"asks for the user": {func(c fiber.Ctx) error {
			user, ok := fibermsal.FromContext(c)
			if !ok {
				return fiber.ErrUnauthorized
			}
			return c.SendString(user.ID)
		}, requestAllocations},
		"uses a token": {func(c fiber.Ctx) error {
			token, err := fibermsal.TokenCredential(c).GetToken(c.Context(), policy.TokenRequestOptions{})
			if err != nil {
				return err
			}
			return c.SendString(token.Token)
		}, tokenRequestAllocations},
	} {
		app, cookies := signedIn(t, row.handler)
		if got := allocations(t, app, fiber.HeaderCookie, cookies) - floor; got > row.budget {
			t.Errorf("%s: %v allocations beside the %v of a bare handler, the budget is %v", name, got, floor, row.budget)
		}
	}
}

func TestBudget_AllocationsOfACallWithATokenOnFiberV3(t *testing.T) {
	bare := fiber.New()
	bare.Get("/", func(c fiber.Ctx) error { return c.SendString("hello") })
	floor := allocations(t, bare, fiber.HeaderCookie, "")
	for _, version := range []int{1, 2} {
		const uri = "api://00001111-aaaa-2222-bbbb-3333cccc4444"
		idp := entratest.New(entratest.WithAPI(entratest.API{URI: uri, Version: version, Scopes: []string{"access_as_user"}}))
		app := newApp(t, idp, fibermsal.RequireToken(fibermsal.HasScope("access_as_user")), func(c fiber.Ctx) error {
			user, _ := fibermsal.FromContext(c)
			return c.SendString(user.ID)
		})
		raw := idp.Issue(idp.Users()[1].UPN, uri+"/access_as_user") // without roles, whose copy is one more
		if got := allocations(t, app, fiber.HeaderAuthorization, "Bearer "+raw) - floor; got > callAllocations {
			t.Errorf("version %d: %v allocations beside the %v of a bare handler, the budget is %d", version, got, floor, callAllocations)
		}
	}
}

// newApp returns an app with a handler.
func newApp(t *testing.T, idp *entratest.Server, handler any, more ...any) *fiber.App {
	t.Helper()
	auth, err := fibermsal.Open(fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority, HTTPClient: idp.HTTPClient,
		PublicURL: publicURL, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(auth.Handler())
	auth.RegisterRoutes(app)
	app.Get("/", handler, more...)
	return app
}

// signedIn returns an app with a handler, and the cookies of a user who has signed in to it.
func signedIn(t *testing.T, handler fiber.Handler) (app *fiber.App, cookies string) {
	t.Helper()
	idp := entratest.New(entratest.WithRedirectURI(publicURL + "/user/authorized"))
	app = newApp(t, idp, handler)
	login := send(t, app, httptest.NewRequest(http.MethodGet, "/user/login", http.NoBody))
	response, err := idp.SignIn(login.Header.Get("Location"), idp.Users()[0].UPN)
	if err != nil {
		t.Fatal(err)
	}
	callback := response.Request()
	for _, c := range login.Cookies() {
		callback.AddCookie(c)
	}
	var pairs []string
	for _, c := range send(t, app, callback).Cookies() {
		if c.Value != "" {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
	}
	return app, strings.Join(pairs, "; ")
}

func send(t *testing.T, app *fiber.App, r *http.Request) *http.Response {
	t.Helper()
	resp, err := app.Test(r, fiber.TestConfig{})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s: %d", r.URL.Path, resp.StatusCode)
	}
	return resp
}

// allocations returns those of one request for "/" with a header.
func allocations(t *testing.T, app *fiber.App, header, value string) float64 {
	t.Helper()
	handler, ctx := app.Handler(), new(fasthttp.RequestCtx)
	ctx.Request.SetRequestURI("/")
	ctx.Request.Header.Set(header, value)
	return testing.AllocsPerRun(1000, func() {
		ctx.Response.Reset()
		ctx.ResetUserValues()
		handler(ctx)
		if ctx.Response.StatusCode() != http.StatusOK {
			t.Fatalf("status %d", ctx.Response.StatusCode())
		}
	})
}
