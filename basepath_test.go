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

// behindProxy makes a site whose browsers reach it below /myapp, through a proxy that strips the path
// or keeps it.
func behindProxy(t *testing.T, strips bool, change ...func(*fibermsal.Config)) *browser {
	t.Helper()
	const base = "/myapp"
	seen := base // in front of the paths that the app sees
	if strips {
		seen = ""
	}
	idp := newIDP(t, entratest.WithRedirectURI(publicURL+base+"/user/authorized"), entratest.WithLogoutURI(publicURL+base+"/"))
	app := newApp()
	s := siteOf(t, app, idp, &logbook{})
	s.base = base
	cfg := configFor(idp)
	cfg.BasePath, cfg.RoutePrefix = base, seen+"/user"
	for _, c := range change {
		c(&cfg)
	}
	auth, err := fibermsal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	s.auth = auth
	app.Use(auth.Handler())
	auth.RegisterRoutes(app)
	page := func(c *fiber.Ctx) error { return c.SendString("page") }
	s.app.Get(seen+"/", page)
	routeAll(s.app, seen+"/guarded", fibermsal.Require(), page)
	s.app.Get(seen+"/forbidden", func(*fiber.Ctx) error { return fibermsal.ErrForbidden })
	s.app.Get(seen+"/start", func(c *fiber.Ctx) error {
		return fibermsal.StartSignIn(fibermsal.SignInOptions{To: c.Query("to")})
	})
	s.app.Get(seen+"/leave", func(c *fiber.Ctx) error {
		return fibermsal.SignOut(fibermsal.SignOutOptions{AppOnly: c.Query("app") != "", To: c.Query("to")})
	})
	b := s.browser()
	b.App = browsertest.DoerFunc(func(r *http.Request) (*http.Response, error) {
		if strips {
			r.RequestURI, r.URL.Path = strings.TrimPrefix(r.RequestURI, base), strings.TrimPrefix(r.URL.Path, base)
			r.URL.Opaque = strings.TrimPrefix(r.URL.Opaque, base)
		}
		return s.Do(r)
	})
	return b
}

func inBothProxies(t *testing.T, test func(t *testing.T, b *browser)) {
	t.Helper()
	for name, strips := range map[string]bool{"strips": true, "keeps": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, behindProxy(t, strips))
		})
	}
}

// signInBelow signs a user in for a page, as browsers name it.
func (b *browser) signInBelow(page, user string) *answer {
	b.t.Helper()
	a := b.Navigate(page)
	if !strings.HasPrefix(a.Location(), "/myapp/user/login") {
		b.t.Fatalf("%s: %d to %q", page, a.StatusCode, a.Location())
	}
	authorize := b.Navigate(a.Location()).Location()
	if uri := query(b.t, authorize).Get("redirect_uri"); uri != publicURL+"/myapp/user/authorized" {
		b.t.Errorf("redirect_uri %q", uri)
	}
	r := b.approve(authorize, user).Request()
	r.RequestURI = r.URL.RequestURI()
	return b.Send(r)
}

func TestBasePath_GuardsReturnToTheirPages(t *testing.T) {
	t.Parallel()
	inBothProxies(t, func(t *testing.T, b *browser) {
		t.Helper()
		back := b.signInBelow("/myapp/guarded?a=b", adele)
		if back.Location() != "/myapp/guarded?a=b" {
			t.Errorf("back to %q", back.Location())
		}
		if a := b.Navigate(back.Location()); a.Text != "page" {
			t.Errorf("%d to %q", a.StatusCode, a.Location())
		}
		for name, c := range b.Jar {
			if strings.HasPrefix(name, "__Host-") && c.Path != "/" {
				t.Errorf("%s has the path %q", name, c.Path)
			}
		}
	})
}

func TestBasePath_IsHome(t *testing.T) {
	t.Parallel()
	inBothProxies(t, func(t *testing.T, b *browser) {
		t.Helper()
		for to, want := range map[string]string{
			"": "/myapp/", "//evil.example": "/myapp/", "/myapp/../other": "/myapp/",
			"/myapp/guarded?x#y": "/myapp/guarded?x#y", "/myapp": "", "/myapp?x=y": "", "/myapp/user/logout": "/myapp/", "https://evil.example/myapp": "/myapp/",
		} {
			response := b.approve(b.Navigate("/myapp/user/login?to="+url.QueryEscape(to)).Location(), adele).Request()
			response.RequestURI = response.URL.RequestURI()
			got := b.Send(response).Location()
			if want == "" { // however it is written
				if u, err := url.Parse(got); err != nil || strings.TrimSuffix(u.Path, "/") != "/myapp" {
					t.Errorf("%q leads to %q", to, got)
				}
				continue
			}
			if got != want {
				t.Errorf("%q leads to %q", to, got)
			}
		}
		if a := b.Navigate("/myapp/forbidden"); !strings.Contains(a.Text, `href="/myapp/"`) || strings.Contains(a.Text, `href="/user`) {
			t.Errorf("the page: %s", a.Text)
		}
	})
}

func TestBasePath_OtherURLsIncludeIt(t *testing.T) {
	t.Parallel()
	inBothProxies(t, func(t *testing.T, b *browser) {
		t.Helper()
		login, _ := b.Fetch("/myapp/guarded").JSON(t)["login_url"].(string)
		if login != "/myapp/user/login" {
			t.Errorf("login_url %q", login)
		}
		long := "/myapp/guarded?q=" + strings.Repeat("abcdefghij0123456789klmnopqrstuvwxyz-", 90)
		for _, c := range b.Navigate("/myapp/user/login?to=" + url.QueryEscape(long)).Cookies() {
			if !strings.HasPrefix(c.Name, "__Host-") && c.Path != "/myapp/user/" {
				t.Errorf("%s has the path %q", c.Name, c.Path)
			}
		}
		b.signInBelow("/myapp/guarded", adele)
		ask := navigation(http.MethodGet, "/myapp/user/logout")
		ask.Header.Set("Sec-Fetch-Site", "cross-site")
		if a := b.Send(ask); !strings.Contains(a.Text, `action="/myapp/user/logout"`) || !strings.Contains(a.Text, `href="/myapp/"`) {
			t.Errorf("the question: %s", a.Text)
		}
		if a := b.Send(request(http.MethodPost, "/myapp/user/logout", "")); query(t, a.Location()).Get("post_logout_redirect_uri") != publicURL+"/myapp/" {
			t.Errorf("signing out leads to %q", a.Location())
		}
		elsewhere := browsertest.Navigation(http.MethodGet, "https://www.app.example", "/myapp/user/login?to=/myapp/guarded", "")
		if a := b.Send(elsewhere); !strings.HasPrefix(a.Location(), publicURL+"/myapp/user/login?") || query(t, a.Location()).Get("to") != "/myapp/guarded" {
			t.Errorf("another host: %q", a.Location())
		}
	})
}

func TestBasePath_HandlersNamePathsOfTheApp(t *testing.T) {
	t.Parallel()
	for _, strips := range []bool{true, false} {
		b := behindProxy(t, strips)
		paths := map[string]string{"/myapp/guarded": "/myapp/guarded", "/other/app": "/myapp/", "": "/myapp/"}
		if strips {
			paths["/guarded"], paths["/other/app"] = "/myapp/guarded", "/myapp/other/app"
		}
		for to, want := range paths {
			a := b.Navigate("/myapp/start?to=" + url.QueryEscape(to))
			r := b.approve(b.Navigate(a.Location()).Location(), adele).Request()
			r.RequestURI = r.URL.RequestURI()
			if got := b.Send(r).Location(); got != want {
				t.Errorf("%q leads to %q", to, got)
			}
			if to == "" {
				continue
			}
			if got := b.Navigate("/myapp/leave?app=1&to=" + url.QueryEscape(to)).Location(); got != want {
				t.Errorf("left for %q: %q", to, got)
			}
			if got := query(t, b.Navigate("/myapp/leave?to="+url.QueryEscape(to)).Location()).Get("post_logout_redirect_uri"); got != publicURL+want {
				t.Errorf("signed out for %q: %q", to, got)
			}
		}
	}
}
