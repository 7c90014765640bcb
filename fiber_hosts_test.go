package fibermsal_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

// Two apps on two hosts share their handlers and routes, and each has its users.
func TestFiber_TwoAuthsOnTwoHosts(t *testing.T) {
	t.Parallel()
	hosts := []string{"one.example", "two.example"}
	for name, register := range map[string]func(*fiber.App, []*fibermsal.Auth){
		"the routes once": func(app *fiber.App, auths []*fibermsal.Auth) {
			for _, auth := range auths {
				app.Use(auth.Handler())
			}
			fibermsal.RegisterRoutes(app)
		},
		"the routes of each": func(app *fiber.App, auths []*fibermsal.Auth) {
			for _, auth := range auths {
				app.Use(auth.Handler())
			}
			for _, auth := range auths {
				auth.RegisterRoutes(app)
			}
		},
		"one after the other": func(app *fiber.App, auths []*fibermsal.Auth) {
			for _, auth := range auths {
				app.Use(auth.Handler())
				auth.RegisterRoutes(app)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := newApp()
			var auths []*fibermsal.Auth
			sites := map[string]*site{}
			for _, host := range hosts {
				idp := newIDP(t, entratest.WithRedirectURI("https://"+host+"/user/authorized"))
				cfg := configFor(idp)
				cfg.PublicURL = "https://" + host
				cfg.Next = func(c *fiber.Ctx) bool { return !strings.EqualFold(c.Hostname(), host) }
				auth, err := fibermsal.Open(cfg)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = auth.Close() })
				auths = append(auths, auth)
				sites[host] = siteOf(t, app, idp, &logbook{})
				sites[host].origin = cfg.PublicURL
			}
			register(app, auths)
			app.Get("/guarded", fibermsal.Require(), func(c *fiber.Ctx) error {
				u, _ := fibermsal.FromContext(c)
				auth, _ := fibermsal.AuthFromContext(c)
				for i, a := range auths {
					if a == auth {
						return c.SendString(hosts[i] + " " + u.Username)
					}
				}
				return fiber.ErrTeapot
			})
			for i, user := range []string{adele, alex} {
				host := hosts[i]
				b := sites[host].browser()
				page := func(path string) *answer {
					return b.Send(browsertest.Navigation(http.MethodGet, "https://"+host, path, ""))
				}
				authorize := page(page("/guarded").Location()).Location()
				if !strings.HasPrefix(authorize, sites[host].idp.Authority) {
					t.Fatalf("%s: sent to %q", host, authorize)
				}
				back := b.Send(b.approve(authorize, user).Request())
				if a := page(back.Location()); a.Text != host+" "+user {
					t.Errorf("%s: %d %s", host, a.StatusCode, a.Text)
				}
			}
		})
	}
}
