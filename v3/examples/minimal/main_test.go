package main

import (
	"io"
	"testing"

	"github.com/gofiber/fiber/v3"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/v3"
)

func TestHello_GreetsTheUser(t *testing.T) {
	idp := entratest.New(entratest.WithRedirectURI("https://app.example/user/authorized"))
	defer func() { _ = idp.Close() }()

	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(fibermsal.New(fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority,
		GraphURL: idp.GraphURL, HTTPClient: idp.HTTPClient, PublicURL: "https://app.example",
	}))
	fibermsal.RegisterRoutes(app)
	app.Get("/hello", fibermsal.Require(), func(c fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		return c.SendString("Hello " + user.Name)
	})

	// In one line, Adele's browser opens the page, is sent to the sign-in, and returns.
	adele, err := entratest.SignInTo(idp, app.Test, "/hello", "AdeleV@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(adele.Page.Body) // adele.Get opens further pages
	if err != nil || string(body) != "Hello Adele Vance" {
		t.Errorf("%q, %v", body, err)
	}
}
