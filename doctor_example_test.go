package fibermsal_test

import (
	"context"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func ExampleAuth_DoctorWithApp() {
	idp := entratest.New(entratest.WithRedirectURI("https://app.example/user/authorized"))
	defer func() { _ = idp.Close() }()
	auth, err := fibermsal.Open(fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority, HTTPClient: idp.HTTPClient,
		PublicURL: "https://www.app.example", // which is not what is registered
	})
	if err != nil {
		panic(err)
	}
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(auth.Handler())
	auth.RegisterRoutes(app)

	report := auth.DoctorWithApp(context.Background(), app)
	for _, f := range report {
		if f.Severity == fibermsal.SeverityError {
			fmt.Println(f)
		}
	}
	fmt.Println(report.Worst())
	// Output:
	// error    redirect_uri: https://www.app.example/user/authorized is not registered (AADSTS50011)
	//          why: Entra shows an error page instead of the sign-in, and the app is not notified
	//          fix: register exactly this URI with the platform Web; an API without user sign-in needs none
	// error
}
