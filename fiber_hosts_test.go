package fibermsal_test

import (
	"net/http"
	"net/url"
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

// One of two apps receives the requests for other hosts, such as www. and IP addresses. They are
// redirected to its PublicURL and never fail.
func TestFiber_OneOfTwoAuthsHasAllOtherHosts(t *testing.T) {
	t.Parallel()
	app := newApp()
	for host, next := range map[string]func(*fiber.Ctx) bool{
		"one.example": func(c *fiber.Ctx) bool { return c.Hostname() == "two.example" },
		"two.example": func(c *fiber.Ctx) bool { return c.Hostname() != "two.example" },
	} {
		cfg := configFor(newIDP(t, entratest.WithRedirectURI("https://"+host+"/user/authorized")))
		cfg.PublicURL, cfg.Next = "https://"+host, next
		app.Use(fibermsal.New(cfg))
	}
	t.Cleanup(func() { _ = app.Shutdown() })
	fibermsal.RegisterRoutes(app)
	app.Get("/guarded", fibermsal.Require(), func(*fiber.Ctx) error { return nil })
	s := siteOf(t, app, newIDP(t), &logbook{})
	for host, want := range map[string]string{
		"www.one.example": "https://one.example/user/login?", "10.0.0.7": "https://one.example/user/login?",
		"one.example": "https://login.entra.test/", "two.example": "https://login.entra.test/",
	} {
		page := func(path string) *answer {
			return s.send(browsertest.Navigation(http.MethodGet, "https://"+host, path, ""))
		}
		guarded := page("/guarded")
		if login := page(guarded.Location()); !strings.HasPrefix(login.Location(), want) {
			t.Errorf("%s: %d to %q, and %d to %q", host, guarded.StatusCode, guarded.Location(), login.StatusCode, login.Location())
		}
		if a := page("/user/info"); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", host, a.StatusCode, a.Text)
		}
	}
}

// Two apps below two paths of one host each have a middleware for their path.
func TestFiber_TwoAuthsBelowTwoPaths(t *testing.T) {
	t.Parallel()
	app, idps := newApp(), map[string]*entratest.Server{}
	for _, base := range []string{"/a", "/b"} {
		idps[base] = newIDP(t, entratest.WithRedirectURI(publicURL+base+"/user/authorized"))
		cfg := configFor(idps[base])
		cfg.BasePath, cfg.RoutePrefix, cfg.CookieName = base, base+"/user", "app-"+base[1:]
		auth, err := fibermsal.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = auth.Close() })
		app.Use(base, auth.Handler())
		auth.RegisterRoutes(app)
		app.Get(base+"/guarded", fibermsal.Require(), func(c *fiber.Ctx) error {
			u, _ := fibermsal.FromContext(c)
			return c.SendString(base + " " + u.Username)
		})
	}
	b := siteOf(t, app, idps["/a"], &logbook{}).browser()
	for base, user := range map[string]string{"/a": adele, "/b": alex} {
		for to, want := range map[string]string{base + "/guarded?x": base + "/guarded?x", "/a/../b/guarded": base + "/", "/c": base + "/"} {
			response, err := idps[base].SignIn(b.Navigate(base+"/user/login?to="+url.QueryEscape(to)).Location(), user)
			if err != nil {
				t.Fatal(err)
			}
			if back := b.Send(response.Request()); back.Location() != want {
				t.Errorf("%s: %q leads to %q", base, to, back.Location())
			}
		}
	}
	mine := func() string { return b.Navigate("/a/guarded").Text + ", " + b.Navigate("/b/guarded").Text }
	if text := mine(); text != "/a "+adele+", /b "+alex {
		t.Errorf("signed in: %s", text)
	}
	b.Send(request(http.MethodPost, "/a/user/logout", ""))
	if a := b.Navigate("/a/guarded"); a.StatusCode != http.StatusSeeOther || b.Navigate("/b/guarded").Text != "/b "+alex {
		t.Errorf("after signing out of one: %d, %s", a.StatusCode, mine())
	}
}
