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

// A page that greets the signed-in user. The error covers a missing sign-in as well as Graph's
// failures.
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
		case errors.Is(err, graph.ErrAccessDenied):
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

func ExampleRoutes() {
	cfg, show := emulated(adele)
	app := newApp()
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app, graph.Routes())
	show(app, "/user/manager")
	// Output: {"id":"2b7c52d7-6b10-4a1f-8e4f-1d6f7a2c1b02","displayName":"Miriam Graham","mail":"MiriamG@contoso.com","userPrincipalName":"MiriamG@contoso.com","jobTitle":"Director","department":null,"officeLocation":"131/2103","mobilePhone":null,"businessPhones":["+1 858 555 0109"]}
}

// A path that needs no builder of the SDK.
func ExampleCall() {
	app, show := signedInApp(adele)
	app.Get("/desk", func(c *fiber.Ctx) error {
		// readme:start
		var me struct{ OfficeLocation string }
		if err := graph.Call(c.UserContext(), graph.Adapter(c), http.MethodGet, "/me?$select=officeLocation", nil, &me); err != nil {
			return err
		}
		// readme:end
		return c.SendString("Desk " + me.OfficeLocation)
	})
	show("/desk")
	// Output: Desk 18/2111
}

// A function that runs without a request, such as OnSignIn or a worker, has a credential.
func ExampleMeFor() {
	jobTitle := func(ctx context.Context, s *fibermsal.SignIn) error {
		me, err := graph.MeFor(s.Credential).Get(ctx, &users.UserItemRequestBuilderGetRequestConfiguration{
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

// An app that restricts who may sign in calls Profile first.
func ExampleProfile() {
	// readme:start
	onSignIn := func(ctx context.Context, s *fibermsal.SignIn) error {
		if err := graph.Profile(ctx, s); err != nil {
			return err
		}
		if s.User.Mail == "" {
			return &fibermsal.Error{Code: "no_mailbox", Status: http.StatusForbidden, Message: "This app is for people with a mailbox."}
		}
		return nil
	}
	// readme:end
	app, show := signedInApp(adele, func(cfg *fibermsal.Config) { cfg.OnSignIn = onSignIn })
	app.Get("/", func(c *fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		return c.SendString(user.Mail + " " + string(user.Values["manager"]))
	})
	show("/")
	// Output: adelev@contoso.com {"id":"2b7c52d7-6b10-4a1f-8e4f-1d6f7a2c1b02","name":"Miriam Graham","mail":"miriamg@contoso.com"}
}

// signedInApp returns an app on the emulator, and a function that prints a page of it as the user
// sees it.
func signedInApp(login string, change ...func(*fibermsal.Config)) (app *fiber.App, show func(path string)) {
	cfg, showOf := emulated(login)
	for _, f := range change {
		f(&cfg)
	}
	app = newApp()
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app)
	return app, func(path string) { showOf(app, path) }
}

// emulated returns the Config of an app on the emulator, and a function that signs a user in and
// prints a page of the app.
func emulated(login string) (cfg fibermsal.Config, show func(app *fiber.App, path string)) {
	entra := entratest.New(entratest.WithRedirectURI(publicURL + "/user/authorized"))
	cfg = fibermsal.Config{
		ClientID: entra.ClientID, ClientSecret: entra.ClientSecret, Authority: entra.Authority,
		GraphURL: entra.GraphURL, HTTPClient: entra.HTTPClient, PublicURL: publicURL,
	}
	return cfg, func(app *fiber.App, path string) {
		var cookies []*http.Cookie
		visit := func(r *http.Request) *http.Response {
			for _, c := range cookies {
				r.AddCookie(c)
			}
			resp, err := testApp(app, r)
			if err != nil {
				log.Fatal(err)
			}
			cookies = append(cookies, resp.Cookies()...)
			return resp
		}
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
