package main

import (
	"net/http"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"
)

// What differs between the versions of Fiber is in this file.

// testApp sends a request to an app, and waits for the answer as long as it takes.
func testApp(app *fiber.App, req *http.Request) (*http.Response, error) { return app.Test(req, -1) }

// memoryStorage is the storage of Fiber's session middleware.
func memoryStorage() fiber.Storage { return session.New().Storage }
