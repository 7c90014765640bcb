package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// The variables determine whether a proxy strips the base path.
func TestSettings_BelowAPath(t *testing.T) {
	for name, tc := range map[string]struct{ routes, mount string }{
		"stripped":           {"", ""},
		"stripped, in words": {"/user", ""},
		"kept":               {"/app/user", "/app"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := complete(environment{varBase: "/app", varRoutes: tc.routes}).settings(t)
			if err != nil {
				t.Fatal(err)
			}
			if s.mount() != tc.mount || s.home() != "https://app.example.com/app/" || s.redirectURI() != "https://app.example.com/app/user/authorized" {
				t.Errorf("mounted at %q, home %s, redirect URI %s", s.mount(), s.home(), s.redirectURI())
			}
		})
	}
}

// No page contains a link outside the base path. A test in e2e with a browser behind a real proxy
// checks that the paths are right.
func TestPages_BelowAPath(t *testing.T) {
	t.Parallel()
	for _, seen := range []string{"", "/app"} {
		b := newSite(t, func(s *settings) {
			s.auth.BasePath, s.auth.RoutePrefix = "/app", seen+"/user"
		}, entratest.WithRedirectURI(publicURL+"/app/user/authorized"), entratest.WithLogoutURI(publicURL+"/app/")).browser()
		for _, path := range []string{"/", "/missing", "/profile"} {
			a := b.Navigate(seen + path)
			if to := a.Location(); a.StatusCode == http.StatusSeeOther && !strings.HasPrefix(to, "/app/user/login?to=%2Fapp%2Fprofile") {
				t.Errorf("%s: to %s", path, to)
			}
			for _, link := range []string{`href="/`, `src="/`, `action="/`} {
				for _, rest := range strings.Split(a.Text, link)[1:] {
					if !strings.HasPrefix(rest, "app/") {
						t.Errorf("%s: %s%.40s", path, link, rest)
					}
				}
			}
		}
	}
}
