package fibermsal_test

import (
	"net/http"

	"github.com/gofiber/fiber/v2"
)

// What differs between the versions of Fiber is in this file, so that the other tests
// are the same for all of them.

// newApp makes an app whose requests may have the cookies of a sign-in.
func newApp() *fiber.App {
	return fiber.New(fiber.Config{ReadBufferSize: 16 << 10, DisableStartupMessage: true})
}

// testApp sends a request to an app, and waits for the answer as long as it takes.
func testApp(app *fiber.App, req *http.Request) (*http.Response, error) { return app.Test(req, -1) }

// onShutdown lets an app call a function when it is shut down.
func onShutdown(app *fiber.App, f func() error) { app.Hooks().OnShutdown(f) }
