package graph_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/gofiber/fiber/v2"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

// A page that greets the signed-in user. Signing in, and what Graph may answer,
// is all in the error.
func ExampleMe() {
	app, show := signedInApp(adele)
	app.Get("/hello", fibermsal.Require(), func(c *fiber.Ctx) error {
		me, err := graph.Me(c).Get(c.UserContext(), nil)
		if err != nil {
			return err
		}
		return c.SendString("Hello " + *me.GetDisplayName())
	})
	show("/hello")
	// Output: Hello Adele Vance
}

func ExampleManager() {
	app, show := signedInApp(adele)
	app.Get("/boss", func(c *fiber.Ctx) error {
		manager, err := graph.Manager(c)
		switch {
		case errors.Is(err, graph.ErrForbidden):
			return c.SendString("This tenant wants the scope User.Read.All for that.")
		case err != nil:
			return err
		case manager == nil:
			return c.SendString("You are the boss.")
		}
		return c.SendString("Ask " + *manager.GetDisplayName())
	})
	show("/boss")
	// Output: Ask Miriam Graham
}

func ExampleRegisterRoutes() {
	app, show := signedInApp(adele)
	graph.RegisterRoutes(app)
	show("/user/manager")
	// Output: {"id":"2b7c52d7-6b10-4a1f-8e4f-1d6f7a2c1b02","displayName":"Miriam Graham","mail":"MiriamG@contoso.com","userPrincipalName":"MiriamG@contoso.com","jobTitle":"Director","department":null,"officeLocation":"131/2103","mobilePhone":null,"businessPhones":["+1 858 555 0109"]}
}

// A function that runs without a request, such as OnSignIn or a worker, has a
// credential.
func ExampleFor() {
	jobTitle := func(ctx context.Context, s *fibermsal.SignIn) error {
		me, err := graph.For(s.Credential).Get(ctx, &users.UserItemRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.UserItemRequestBuilderGetQueryParameters{Select: []string{"jobTitle"}},
		})
		if err != nil {
			return err
		}
		return s.Set("job", me.GetJobTitle())
	}
	app, show := signedInApp(adele, func(cfg *fibermsal.Config) { cfg.OnSignIn = jobTitle })
	app.Get("/job", func(c *fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		return c.Send(user.Values["job"])
	})
	show("/job")
	// Output: "Retail Manager"
}

// An app with conditions of its own calls Profile first.
func ExampleProfile() {
	onSignIn := func(ctx context.Context, s *fibermsal.SignIn) error {
		if err := graph.Profile(ctx, s); err != nil {
			return err
		}
		if s.User.Mail == "" {
			return &fibermsal.Error{Code: "no_mailbox", Status: http.StatusForbidden, Message: "This app is for people with a mailbox."}
		}
		return nil
	}
	app, show := signedInApp(adele, func(cfg *fibermsal.Config) { cfg.OnSignIn = onSignIn })
	app.Get("/", func(c *fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		return c.SendString(user.Mail + " " + string(user.Values["manager"]))
	})
	show("/")
	// Output: adelev@contoso.com {"id":"2b7c52d7-6b10-4a1f-8e4f-1d6f7a2c1b02","name":"Miriam Graham","mail":"miriamg@contoso.com"}
}

// signedInApp returns an app on the emulator, and what prints a page of it as the
// user sees it.
func signedInApp(login string, change ...func(*fibermsal.Config)) (app *fiber.App, show func(path string)) {
	entra := entratest.New(entratest.WithRedirectURI("https://app.example/user/authorized"))
	cfg := fibermsal.Config{
		ClientID: entra.ClientID, ClientSecret: entra.ClientSecret, Authority: entra.Authority,
		GraphURL: entra.GraphURL, HTTPClient: entra.HTTPClient, PublicURL: "https://app.example",
	}
	for _, f := range change {
		f(&cfg)
	}
	app = fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app)
	var cookies []*http.Cookie
	visit := func(r *http.Request) *http.Response {
		for _, c := range cookies {
			r.AddCookie(c)
		}
		resp, err := app.Test(r, -1)
		if err != nil {
			log.Fatal(err)
		}
		cookies = append(cookies, resp.Cookies()...)
		return resp
	}
	return app, func(path string) {
		to := visit(httptest.NewRequest(http.MethodGet, "/user/login", http.NoBody)).Header.Get("Location")
		answer, err := entra.SignIn(to, login)
		if err != nil {
			log.Fatal(err)
		}
		visit(answer.Request())
		resp := visit(httptest.NewRequest(http.MethodGet, path, http.NoBody))
		defer func() { _ = resp.Body.Close() }()
		body := make([]byte, 4096)
		n, _ := resp.Body.Read(body)
		fmt.Println(string(body[:n]))
	}
}
