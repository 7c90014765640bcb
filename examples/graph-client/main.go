// Command graph-client uses the whole client of msgraph-sdk-go as the signed-in
// user. It is a module of its own, because compiling that client the first time
// takes six to eight CPU minutes and 4.6 GB of memory; graph.Me, which is enough for a
// user's own data, takes half the time.
//
// Set FIBERMSAL_CLIENT_ID, FIBERMSAL_CLIENT_SECRET and FIBERMSAL_TENANT_ID of a
// registration whose redirect URI (type Web) is
// http://localhost:3000/user/authorized, and open http://localhost:3000/.
package main

import (
	"log"
	"os"

	"github.com/gofiber/fiber/v2"
	msgraphsdk "github.com/microsoftgraph/msgraph-sdk-go"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/graph"
)

func main() {
	app := newApp(fibermsal.Config{
		ClientID:     os.Getenv("FIBERMSAL_CLIENT_ID"),
		ClientSecret: os.Getenv("FIBERMSAL_CLIENT_SECRET"),
		TenantID:     os.Getenv("FIBERMSAL_TENANT_ID"),
		PublicURL:    "http://localhost:3000",
	})
	log.Fatal(app.Listen("localhost:3000"))
}

func newApp(cfg fibermsal.Config) *fiber.App {
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app)
	app.Get("/", fibermsal.Require(), organizations)
	return app
}

// organizations names the user's organization, which is outside /me and so needs
// the whole client. A client costs microseconds; make one per request, for it is
// that request's user's.
func organizations(c *fiber.Ctx) error {
	client := msgraphsdk.NewGraphServiceClient(graph.Adapter(c))
	found, err := client.Organization().Get(c.UserContext(), nil)
	if err != nil {
		return err
	}
	var names []string
	for _, o := range found.GetValue() {
		if name := o.GetDisplayName(); name != nil {
			names = append(names, *name)
		}
	}
	return c.JSON(names)
}
