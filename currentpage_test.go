package fibermsal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

// scripted is a request of a script of the app's own pages.
func scripted(method, path string, header ...string) *http.Request {
	r := request(method, path, "")
	r.Header.Set("Accept", "*/*")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Sec-Fetch-Dest", "empty")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	return r
}

// pageAfter returns the page that a login URL leads to.
func pageAfter(t *testing.T, login string) string {
	t.Helper()
	u, err := url.Parse(login)
	if err != nil || u.Path != "/user/login" {
		t.Fatalf("%q is no login URL", login)
	}
	if to := u.Query().Get("to"); to != "" {
		return to
	}
	return "/"
}

func TestC1_SignInForAFormOrAScriptLeadsToItsPage(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	for referer, want := range map[string]string{
		publicURL + "/form?id=1&x=%2F":                       "/form?id=1&x=%2F",
		publicURL + "/form#part":                             "/form",
		"HTTPS://APP.example/form":                           "/form",
		publicURL + "/files/%E2%82%AC//b":                    "/files/%E2%82%AC//b",
		publicURL + "/":                                      "/",
		publicURL:                                            "/",
		"":                                                   "/",
		"/form":                                              "/",
		"//app.example/form":                                 "/",
		"null":                                               "/",
		"http://app.example/form":                            "/",
		"https://app.example:8443/form":                      "/",
		"https://app.example.evil.test/form":                 "/",
		"https://app.example@evil.test/form":                 "/",
		"https://app.example%2F@evil.test/":                  "/",
		`https://app.example\@evil.test/form`:                "/",
		"https://evil.test/https://app.example/form":         "/",
		publicURL + "//evil.test/form":                       "/",
		publicURL + `/\evil.test/form`:                       "/",
		publicURL + "/%2f/evil.test":                         "/",
		publicURL + "/a/../../form":                          "/",
		publicURL + "/form%7f":                               "/",
		publicURL + "/user/login?to=/form":                   "/",
		publicURL + "/user/authorized?code=secret&state=x":   "/",
		publicURL + "/USER/Logout":                           "/",
		publicURL + "/user/profile":                          "/user/profile",
		publicURL + "/" + strings.Repeat("x", 5000):          "/",
		publicURL + "/form?next=https://evil.test/&a=%0d%0a": "/form?next=https://evil.test/&a=%0d%0a",
	} {
		form := navigation(http.MethodPost, "/guarded")
		form.Header.Set("Referer", referer)
		target, text := link(t, b.Send(form))
		if got := pageAfter(t, target); got != want || text != "Sign in" {
			t.Errorf("a form of %q: %q leads to %q", referer, text, got)
		}
		a := b.Send(scripted(http.MethodGet, "/guarded?z=1", "Referer: "+referer))
		login, _ := a.JSON(t)["login_url"].(string)
		if got := pageAfter(t, login); got != want || a.Header.Get("HX-Redirect") != "" {
			t.Errorf("a script of %q: to %q", referer, got)
		}
		if back := b.Send(b.approve(b.Navigate(login).Location(), adele).Request()); back.Location() != want {
			t.Errorf("a script of %q: in the end to %q", referer, back.Location())
		}
		b.Send(request(http.MethodPost, "/user/logout", ""))
	}
}

func TestHTMX_IsSentToSignInAndBackToItsPage(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	const current = "HX-Current-URL: " + publicURL + "/list?page=2#row"
	for name, row := range map[string]struct {
		method string
		header []string
		want   string
	}{
		"a part":                        {http.MethodGet, []string{current}, "/list?page=2"},
		"a form":                        {http.MethodPost, []string{current}, "/list?page=2"},
		"a deletion":                    {http.MethodDelete, []string{current}, "/list?page=2"},
		"the Referer":                   {http.MethodGet, []string{"Referer: " + publicURL + "/list"}, "/list"},
		"both":                          {http.MethodGet, []string{current, "Referer: " + publicURL + "/other"}, "/list?page=2"},
		"another origin's page":         {http.MethodGet, []string{"HX-Current-URL: https://evil.example/list"}, "/"},
		"a route of the library":        {http.MethodGet, []string{"HX-Current-URL: " + publicURL + "/user/login?to=/x"}, "/"},
		"nothing":                       {http.MethodGet, nil, "/"},
		"a boosted link":                {http.MethodGet, []string{current, "HX-Boosted: true"}, "/guarded?z=1"},
		"a boosted form":                {http.MethodPost, []string{current, "HX-Boosted: true"}, "/list?page=2"},
		"the history":                   {http.MethodGet, []string{current, "HX-History-Restore-Request: true"}, "/guarded?z=1"},
		"an old browser":                {http.MethodGet, []string{current, "Sec-Fetch-Mode: ", "Sec-Fetch-Dest: ", "Sec-Fetch-Site: "}, "/list?page=2"},
		"an old browser that likes XML": {http.MethodGet, []string{current, "Sec-Fetch-Mode: ", "Sec-Fetch-Dest: ", "Accept: text/html"}, "/list?page=2"},
	} {
		r := scripted(row.method, "/guarded?z=1", append(row.header, "HX-Request: true")...)
		for name, values := range r.Header {
			if values[0] == "" {
				r.Header.Del(name)
			}
		}
		a := b.Send(r)
		if got := pageAfter(t, a.Header.Get("HX-Redirect")); a.StatusCode != http.StatusUnauthorized || got != row.want || a.Location() != "" {
			t.Errorf("%s: %d, to %q", name, a.StatusCode, got)
		}
		b.Jar = nil
		b.Jar = b.browser().Jar
	}
	if a := b.Send(scripted(http.MethodGet, "/guarded", "HX-Current-URL: "+publicURL+"/list")); a.Header.Get("HX-Redirect") != "" {
		t.Error("the header is answered although htmx did not send it")
	}
}

// Links and buttons that htmx has taken over work as others do.
func TestHTMX_SignsInAndOut(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	a := b.Send(scripted(http.MethodGet, "/user/login?to=%2Fguarded", "HX-Request: true", "HX-Boosted: true"))
	if a.StatusCode != http.StatusOK || a.Location() != "" || len(a.Cookies()) != 0 {
		t.Errorf("login: %d %v", a.StatusCode, a.Header)
	}
	back := b.Send(b.approve(b.Navigate(a.Header.Get("HX-Redirect")).Location(), adele).Request())
	if back.Location() != "/guarded" || b.user() != adele {
		t.Errorf("to %q as %q", back.Location(), b.user())
	}
	if got := b.Send(scripted(http.MethodGet, "/user/login?to=%0d%0aX:1", "HX-Request: true")).Header.Get("HX-Redirect"); got != "/user/login?to=%0d%0aX:1" {
		t.Errorf("line breaks lead to %q", got)
	}
	out := b.Send(scripted(http.MethodPost, "/user/logout", "HX-Request: true"))
	if out.StatusCode != http.StatusOK || out.Location() != "" || !strings.Contains(out.Header.Get("HX-Redirect"), "/oauth2/v2.0/logout?") || b.user() != "" {
		t.Errorf("logout: %d %v, %q", out.StatusCode, out.Header, b.user())
	}
}

func TestHTMX_IsNotSentToSignInForAFaultOrARefusal(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newInteractiveSite(t, newIDP(t), onLedger(l)).browser()
	b.signIn(adele)
	if a := b.Send(scripted(http.MethodGet, "/own", "HX-Request: true")); a.StatusCode != http.StatusForbidden || a.Header.Get("HX-Redirect") != "" {
		t.Errorf("forbidden: %d to %q", a.StatusCode, a.Header.Get("HX-Redirect"))
	}
	if a := b.Send(scripted(http.MethodGet, "/scope", "HX-Request: true")); a.StatusCode != http.StatusForbidden || !strings.Contains(a.Header.Get("HX-Redirect"), "ask=") {
		t.Errorf("a permission: %d to %q", a.StatusCode, a.Header.Get("HX-Redirect"))
	}
	l.fail(true, true)
	if a := b.Send(scripted(http.MethodGet, "/signed-in", "HX-Request: true")); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("HX-Redirect") != "" {
		t.Errorf("a fault: %d to %q", a.StatusCode, a.Header.Get("HX-Redirect"))
	}
}

// A page that loads a part whose requirement no sign-in meets must not send its user to the sign-in in
// a loop. If the requirement is met, the user is sent as often as necessary.
func TestB14_PartsOfAPageComeToAnEnd(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	s.app.Get("/list", func(c *fiber.Ctx) error {
		_, _ = fibermsal.FromContext(c)
		return c.SendString("list")
	})
	for _, row := range []struct {
		path, method string
		rounds       int
	}{
		{"/challenge", http.MethodGet, 3}, {"/challenge", http.MethodPost, 3}, {"/signed-in", http.MethodGet, 6}, {"/signed-in", http.MethodPost, 6},
	} {
		b := s.browser()
		load := func() *answer {
			return b.Send(scripted(row.method, row.path, "HX-Request: true", "HX-Current-URL: "+publicURL+"/list"))
		}
		rounds := 0
		for ; rounds < 6; rounds++ {
			login := load().Header.Get("HX-Redirect")
			if login == "" {
				break
			}
			if back := b.Send(b.approve(b.Navigate(login).Location(), adele).Request()); back.Location() != "/list" || b.Navigate("/list").Text != "list" {
				t.Fatalf("%s: %d to %q", row.path, back.StatusCode, back.Location())
			}
			if row.path == "/signed-in" {
				if a := load(); a.Text != "shown" {
					t.Fatalf("%s: %d", row.path, a.StatusCode)
				}
				b.Send(request(http.MethodPost, "/user/logout", ""))
			}
		}
		if rounds != row.rounds {
			t.Errorf("%s %s: %d rounds", row.method, row.path, rounds)
		}
	}
}

// Every 401 has a challenge (RFC 9110 section 15.5.2), but never one that makes a browser ask for a
// password.
func TestUnauthorized_HasAChallenge(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.ErrorHandler = func(c *fiber.Ctx, _ error) error { return c.SendStatus(http.StatusUnauthorized) }
	})
	s.app.Get("/custom", func(*fiber.Ctx) error {
		return &fibermsal.Error{Code: "own", Status: http.StatusUnauthorized, Message: "No."}
	})
	stranger, b := s.browser(), s.browser()
	b.signIn(adele)
	for name, a := range map[string]*answer{
		"a script":              stranger.Send(scripted(http.MethodGet, "/signed-in")),
		"no headers":            stranger.Get("/signed-in"),
		"a form":                stranger.Send(navigation(http.MethodPost, "/signed-in")),
		"htmx":                  stranger.Send(scripted(http.MethodGet, "/signed-in", "HX-Request: true")),
		"a challenge":           b.Send(scripted(http.MethodGet, "/challenge")),
		"another context":       b.Send(scripted(http.MethodGet, "/step-up")),
		"an error of the app's": b.Send(scripted(http.MethodGet, "/custom")),
	} {
		scheme, parameters, _ := strings.Cut(a.Header.Get("WWW-Authenticate"), " ")
		if a.StatusCode != http.StatusUnauthorized || scheme != "Cookie" || !strings.HasPrefix(parameters, `realm="`) {
			t.Errorf("%s: %d %v", name, a.StatusCode, a.Header)
		}
	}
	for name, a := range map[string]*answer{
		"a page": stranger.Navigate("/signed-in"), "a refusal": b.Get("/own"), "a permission": b.Send(scripted(http.MethodGet, "/scope")),
	} {
		if a.StatusCode != http.StatusUnauthorized && a.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s: %d %v", name, a.StatusCode, a.Header)
		}
	}
}
