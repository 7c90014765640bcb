package fibermsal

import (
	"context"
	"net/http"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// DoctorWithApp runs the checks of Doctor and also checks that an app does not break sign-ins: it reads
// the app's settings and requests its login route as a browser would. The routes must be mounted on the
// app.
func (a *Auth) DoctorWithApp(ctx context.Context, app *fiber.App) Report {
	cfg := app.Config()
	examined := examined(&cfg)
	examined.Get = func(address string, header http.Header) (int, http.Header) { return get(app, address, header) }
	return a.Service.DoctorWithApp(ctx, examined)
}

// get returns an app's response to a GET request without a network. It does not use app.Test, because a
// panic in a handler would then end the process.
func get(app *fiber.App, address string, header http.Header) (status int, response http.Header) {
	var request fasthttp.Request
	request.SetRequestURI(address)
	for name := range header {
		request.Header.Set(name, header.Get(name))
	}
	var c fasthttp.RequestCtx
	c.Init(&request, nil, nil)
	app.Handler()(&c)
	return c.Response.StatusCode(), headerOf(&c.Response)
}
