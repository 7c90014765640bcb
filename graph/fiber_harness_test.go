package graph_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/gofiber/fiber/v2"
)

// What differs between the versions of Fiber is in this file.

// TestMain serves one request before any bubble of virtual time: fasthttp starts a
// goroutine that never ends (trap T21).
func TestMain(m *testing.M) {
	app := newApp()
	app.Get("/", func(c *fiber.Ctx) error { return c.SendString("warm") })
	resp, err := testApp(app, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	if err != nil {
		panic(err)
	}
	_ = resp.Body.Close()
	os.Exit(m.Run())
}

// newApp makes an app whose requests may have the cookies of a sign-in.
func newApp() *fiber.App { return fiber.New(fiber.Config{ReadBufferSize: 16 << 10}) }

// testApp sends a request to an app, and waits for the answer as long as it takes.
func testApp(app *fiber.App, req *http.Request) (*http.Response, error) { return app.Test(req, -1) }
