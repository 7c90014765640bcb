// Command graph-client uses the complete client of msgraph-sdk-go as the signed-in user. It is a
// separate module, because the first compilation of that client takes six to eight CPU minutes and 4.6
// GB of memory. graph.Me, which is enough for a user's own data, takes half the time.
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

// organizations returns the names of the user's organizations. They are not below /me, so this needs
// the complete client. Creating a client takes microseconds; create one for each request, because it
// acts for the user of that request.
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
