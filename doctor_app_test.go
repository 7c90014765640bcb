package fibermsal_test

import (
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

func TestDoctor_FindsFaultsOfTheApp(t *testing.T) {
	t.Parallel()
	expectFaults(t, map[string]doctorFault{
		"form_post on http": {"warning form_post_http", func(d *doctorTest) {
			d.cfg.PublicURL, d.cfg.ResponseMode = "http://localhost:3000", fibermsal.ResponseModeFormPost
		}},
		"small headers":   {"warning read_buffer", func(d *doctorTest) { d.fiber.ReadBufferSize = 0 }},
		"streamed bodies": {"warning streamed_bodies", func(d *doctorTest) { d.fiber.StreamRequestBody = true }},
		"any proxy":       {"warning proxy_trust", func(d *doctorTest) { believeAnyone(&d.fiber) }},
		"every proxy": {"warning proxy_trust", func(d *doctorTest) {
			trustProxies(&d.fiber, "0.0.0.0/0")
		}},
		"Lax cookie with form_post": {"error login_cookie", func(d *doctorTest) { d.rewriteCookies("SameSite=None", "SameSite=Lax") }},
		"Strict cookie": {"error login_cookie", func(d *doctorTest) {
			d.cfg.ResponseMode = fibermsal.ResponseModeQuery
			d.rewriteCookies("SameSite=Lax", "SameSite=Strict")
		}},
		"cookie that is not Secure": {"error login_cookie", func(d *doctorTest) { d.rewriteCookies("; secure", "") }},
		"cookie renamed":            {"error login_cookie", func(d *doctorTest) { d.rewriteCookies("__Host-", "x") }},
		"no routes":                 {"error login_route", func(d *doctorTest) { d.routes = func(app *fiber.App, auth *fibermsal.Auth) { app.Use(auth.Handler()) } }},
		"a guard in front": {"error login_route", func(d *doctorTest) {
			d.routes = func(app *fiber.App, auth *fibermsal.Auth) {
				app.Use(auth.Handler(), fibermsal.Require())
				auth.RegisterRoutes(app)
			}
		}},
		"an app that panics": {"error login_route", func(d *doctorTest) {
			d.routes = func(app *fiber.App, _ *fibermsal.Auth) { app.Use(func(*fiber.Ctx) error { panic("oh") }) }
		}},
		"routes of another Config": {"error login_route", func(d *doctorTest) {
			other := newDoctorTest(d.t)
			other.cfg.ClientID, other.cfg.PublicURL = d.cfg.ClientID, "https://other.example"
			d.routes = func(app *fiber.App, _ *fibermsal.Auth) {
				auth := other.open()
				app.Use(auth.Handler())
				auth.RegisterRoutes(app)
			}
		}},
	})
}
