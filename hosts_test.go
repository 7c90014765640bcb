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

// on returns a navigation to a host of the app.
func onHost(scheme, host, path string) *http.Request {
	return browsertest.Navigation(http.MethodGet, scheme+"://"+host, path, "")
}

// A visitor of another host is sent to PublicURL before the sign-in starts there.
func TestHosts_VisitorsOfAnotherHostSignInAtPublicURL(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ publicURL, host string }{
		{publicURL, "www.app.example"},
		{publicURL, "APP.example.:443"},
		{publicURL, "app.example:8443"},
		{publicURL, "10.0.0.7"},
		{publicURL, "app.example.evil.example"},
		{"http://localhost:3000", "127.0.0.1:3000"},
		{"http://localhost:3000", "localhost:3001"},
		{"http://localhost:3000", "[::1]:3000"},
		{"http://127.0.0.1:3000", "localhost:3000"},
	} {
		for _, path := range []string{"/user/login?to=/guarded%3Fa%3Db", "/guarded?a=b"} {
			t.Run(row.host+path, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, newIDP(t, entratest.WithRedirectURI(row.publicURL+"/user/authorized")), func(cfg *fibermsal.Config) { cfg.PublicURL = row.publicURL })
				scheme, _, _ := strings.Cut(row.publicURL, ":")
				elsewhere, b := s.browser(), s.browser()
				at := elsewhere.send(onHost(scheme, row.host, path)).Location()
				if strings.HasPrefix(at, "/user/login") {
					at = elsewhere.send(onHost(scheme, row.host, at)).Location()
				}
				if !strings.HasPrefix(at, row.publicURL+"/user/login?") {
					t.Fatalf("sent to %q", at)
				}
				authorize := b.Navigate(strings.TrimPrefix(at, row.publicURL)).Location()
				back := b.Send(b.approve(authorize, adele).Request())
				if back.Location() != "/guarded?a=b" || b.Navigate(back.Location()).Text != "hello "+adele {
					t.Errorf("%d to %q", back.StatusCode, back.Location())
				}
				// Users who are already signed in there are redirected to the page.
				at = elsewhere.send(onHost(scheme, row.host, "/user/login?to=/guarded")).Location()
				if a := b.Navigate(strings.TrimPrefix(at, row.publicURL)); a.Location() != "/guarded" {
					t.Errorf("signed in: %d to %q", a.StatusCode, a.Location())
				}
			})
		}
	}
}

// The same host is recognized however it is written, and a proxy that changes it makes no loop.
func TestHosts_OwnHostAndProxies(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	entraPages := s.idp.Authority
	for name, change := range map[string]func(*http.Request){
		"the host":              func(*http.Request) {},
		"in capitals":           func(r *http.Request) { r.Host = "App.Example" },
		"with the default port": func(r *http.Request) { r.Host = "app.example:443" },
		"reported by the proxy": func(r *http.Request) { r.Host = "app-7f9c:3000"; r.Header.Set("X-Forwarded-Host", "app.example") },
		"reported by two": func(r *http.Request) {
			r.Host = "app-7f9c:3000"
			r.Header.Set("X-Forwarded-Host", "app.example, edge.internal")
		},
		"a program without Accept": func(r *http.Request) { r.Host = "elsewhere"; r.Header = http.Header{} },
	} {
		r := navigation(http.MethodGet, "/user/login")
		change(r)
		if a := s.browser().send(r); !strings.HasPrefix(a.Location(), entraPages) {
			t.Errorf("%s: %d to %q", name, a.StatusCode, a.Location())
		}
	}
	behind := func(path string) *answer { // a proxy that changes the host and does not say so
		r := navigation(http.MethodGet, path)
		r.Host = "app-7f9c:3000"
		return s.browser().send(r)
	}
	if a := behind(strings.TrimPrefix(behind("/user/login?to=/guarded").Location(), publicURL)); !strings.HasPrefix(a.Location(), entraPages) {
		t.Errorf("round and round: %d to %q", a.StatusCode, a.Location())
	}
}

// The redirect contains only those parts of the request that it would contain on the right host (threat
// C5).
func TestC5_OtherHostsLeadToPublicURLOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	for _, host := range []string{"evil.example", "evil.example:443", "app.example.evil.example"} {
		r := navigation(http.MethodGet, "/user/login?to=//evil.example")
		r.Host = host
		r.Header.Set("X-Forwarded-Host", host)
		a := s.browser().send(r)
		if u, err := url.Parse(a.Location()); err != nil || u.Host != "app.example" || strings.Contains(a.Location(), "evil") {
			t.Errorf("%s: %d to %q", host, a.StatusCode, a.Location())
		}
	}
}

// The page on which a form or a script is has another host, too, and only its path is used.
func TestHosts_FormsAndScriptsOfAnotherHostLeadToTheirPage(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	for name, row := range map[string]struct{ host, forwarded, page, want string }{
		"www":                    {"www.app.example", "", "https://www.app.example/form?a=b", "/form?a=b"},
		"PublicURL's page":       {"www.app.example", "", publicURL + "/form", "/form"},
		"in capitals":            {"www.app.example", "", "https://WWW.App.example/form", "/form"},
		"reported by the proxy":  {"app-7f9c:3000", "www.app.example, edge.internal", "https://www.app.example/form", "/form"},
		"of another app":         {"www.app.example", "", "https://www.evil.example/form", "/"},
		"of a longer host":       {"www.app.example", "", "https://www.app.example.evil.example/form", "/"},
		"of another port":        {"www.app.example", "", "https://www.app.example:8443/form", "/"},
		"not encrypted":          {"www.app.example", "", "http://www.app.example/form", "/"},
		"to a host":              {"evil.example", "", "https://evil.example//evil.example/form", "/"},
		"a route of the library": {"www.app.example", "", "https://www.app.example/user/logout", "/"},
		"without a host":         {"www.app.example", ",", "https:///form", "/"},
	} {
		change := func(r *http.Request) *http.Request {
			r.Host = row.host
			r.Header.Set("Referer", row.page)
			if row.forwarded != "" {
				r.Header.Set("X-Forwarded-Host", row.forwarded)
			}
			return r
		}
		target, _ := link(t, b.Send(change(navigation(http.MethodPost, "/guarded"))))
		if got := pageAfter(t, target); got != row.want {
			t.Errorf("%s: the form leads to %q", name, got)
		}
		a := b.Send(change(scripted(http.MethodGet, "/guarded", "HX-Request: true", "HX-Current-URL: "+row.page)))
		if got := pageAfter(t, a.Header.Get("HX-Redirect")); got != row.want {
			t.Errorf("%s: htmx leads to %q", name, got)
		}
	}
}

// The session belongs to PublicURL and can be ended only there, so a sign-out starts there, too.
func TestHosts_SignOutLeadsToPublicURL(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	typed := func(host, path string) *http.Request {
		r := onHost("https", host, path)
		r.Header.Set("Sec-Fetch-Site", "none")
		return r
	}
	b := s.browser()
	b.signIn(adele)
	at := s.browser().send(typed("www.app.example", "/user/logout?to=//evil.example")).Location()
	path, found := strings.CutPrefix(at, publicURL)
	if !found || !strings.HasPrefix(path, "/user/logout") || strings.Contains(path, "evil") {
		t.Fatalf("to %q", at)
	}
	if a := b.Send(browsertest.CrossSite(onHost("https", "app.example", path))); a.StatusCode != http.StatusOK || b.user() != adele {
		t.Errorf("by a link: %d to %q", a.StatusCode, a.Location())
	}
	if a := b.Send(typed("app.example", path)); !strings.HasPrefix(a.Location(), s.idp.Authority) || b.user() != "" {
		t.Errorf("typed: %d to %q", a.StatusCode, a.Location())
	}
	// If a proxy changes the host without telling the app, the redirect is tried once.
	if a := s.browser().send(typed("app-7f9c:3000", path)); !strings.HasPrefix(a.Location(), s.idp.Authority) {
		t.Errorf("round and round: %d to %q", a.StatusCode, a.Location())
	}
	b.signIn(adele)
	r := typed("app.example", "/user/logout")
	r.Host = "app-7f9c:3000"
	if a := b.Send(r); !strings.HasPrefix(a.Location(), s.idp.Authority) || b.user() != "" {
		t.Errorf("with a session: %d to %q", a.StatusCode, a.Location())
	}
}

// The options of a handler's sign-in are kept during the redirect to PublicURL.
func TestHosts_StartedSignInsKeepTheirOptions(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.starts(fibermsal.SignInOptions{LoginHint: alex, Prompt: fibermsal.PromptLogin, To: "/guarded"})
	elsewhere := s.browser()
	at := elsewhere.send(onHost("https", "www.app.example", "/start")).Location()
	at = elsewhere.send(onHost("https", "www.app.example", at)).Location()
	q := query(t, s.browser().Navigate(strings.TrimPrefix(at, publicURL)).Location())
	if q.Get("login_hint") != alex || q.Get("prompt") != "login" {
		t.Errorf("%v", q)
	}
}

// The redirect to PublicURL does not reset the limit: a browser without cookies gets as many sign-ins
// as without the redirect.
func TestHosts_WayToPublicURLIsNoRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	signIns := func(login string) (n int) {
		b := s.browser()
		a := b.Navigate(login)
		for ; a.Location() != "" && n < 12; a = b.Navigate(a.Location()) {
			n++
			b.Jar = browsertest.Jar{}
			if a = b.Send(b.approve(a.Location(), adele).Request()); a.Location() == "" {
				break
			}
		}
		if a.StatusCode != http.StatusBadRequest || !strings.Contains(a.Text, "may not keep the cookies") {
			t.Errorf("%d to %q", a.StatusCode, a.Location())
		}
		return n
	}
	moved := s.browser().send(onHost("https", "www.app.example", "/user/login?to=/guarded")).Location()
	direct, after := signIns("/user/login?to=/guarded"), signIns(strings.TrimPrefix(moved, publicURL))
	if direct != after || after < 2 {
		t.Errorf("%d sign-ins, and %d without another host", after, direct)
	}
}

// A user who opens links to another host again and again gets to the page each time.
func TestHosts_LinksToAnotherHostWorkAnyNumberOfTimes(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	for i := range 8 {
		at := s.browser().send(onHost("https", "www.app.example", "/user/login?to=/guarded")).Location()
		if a := b.Navigate(strings.TrimPrefix(at, publicURL)); a.Location() != "/guarded" || b.Navigate("/guarded").Text != "hello "+adele {
			t.Fatalf("%d: %d to %q", i+1, a.StatusCode, a.Location())
		}
	}
}

// Behind a proxy that changes the host without telling the app, every request seems to be for another
// host. A page that requires a sign-in repeatedly gets it, and the loop ends.
func TestHosts_LoopsBehindAProxyThatHidesTheHostEnd(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	s.app.Get("/always", func(*fiber.Ctx) error { return fibermsal.ErrLoginRequired })
	for _, page := range []string{"/always", "/challenge"} {
		b := s.browser()
		b.signIn(adele)
		b.App = browsertest.DoerFunc(func(r *http.Request) (*http.Response, error) {
			r.Host = "app-7f9c:3000"
			return s.Do(r)
		})
		if last, signIns := b.wanders(page, 12); signIns != 3 || last.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d to %q after %d sign-ins", page, last.StatusCode, last.Location(), signIns)
		}
	}
}

// A response that arrives without its sign-in leads to the page of a visitor who came from another
// host, with and without a session.
func TestHosts_ResumedSignInsLeadToTheirPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	program, b := s.browser(), s.browser()
	moved := s.browser().send(onHost("https", "www.app.example", "/user/login?to=/guarded%3Fa%3Db")).Location()
	response := b.approve(program.Navigate(strings.TrimPrefix(moved, publicURL)).Location(), adele)
	for want := 1; want >= 0; want-- {
		if path, signIns := b.lands(b.Send(response.Request()), adele); path != "/guarded?a=b" || signIns != want {
			t.Errorf("it leads to %q after %d sign-ins", path, signIns)
		}
	}
}
