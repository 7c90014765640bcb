package fibermsal_test

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

// browser is a browser that signs in at a site.
type browser struct {
	*site
	*browsertest.Browser
}

func (s *site) browser() *browser {
	s.t.Helper()
	b := &browser{site: s}
	b.Browser = browsertest.New(s.t, browsertest.DoerFunc(func(r *http.Request) (*http.Response, error) {
		return b.Do(r) // which a test exchanges for another instance
	}), s.origin)
	b.Seen = s.seen
	return b
}

// browserWith is a browser that has the cookies of another.
func (s *site) browserWith(jar browsertest.Jar) *browser {
	s.t.Helper()
	b := s.browser()
	b.Jar = jar
	return b
}

// request returns a request to the site. The path is sent unchanged.
func request(method, path, body string) *http.Request {
	return browsertest.NewRequest(method, publicURL, path, body)
}

func navigation(method, path string) *http.Request {
	return browsertest.Navigation(method, publicURL, path, "")
}

// callback is the request by which a browser delivers a form_post answer.
func callback(form string) *http.Request {
	r := request(http.MethodPost, "/user/authorized", form)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://login.microsoftonline.com")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Accept", "text/html")
	return r
}

// start begins a sign-in and returns the authorize URL.
func (b *browser) start(to string) string {
	b.t.Helper()
	path := "/user/login"
	if to != "" {
		path += "?to=" + url.QueryEscape(to)
	}
	a := b.Navigate(path)
	if !a.Redirects() {
		b.t.Fatalf("login: status %d\n%s\n%s", a.StatusCode, a.Text, b.log)
	}
	return a.Location()
}

// approve lets a user sign in at the emulator and returns the response, which is not delivered.
func (b *browser) approve(authorizeURL, login string) *entratest.Response {
	b.t.Helper()
	response, err := b.idp.SignIn(authorizeURL, login)
	if err != nil {
		b.t.Fatalf("sign in at the emulator: %v", err)
	}
	return response
}

// follow acts as a browser that is redirected from a page to Entra and back.
func (b *browser) follow(path, login string) (authorize url.Values, landed *answer) {
	b.t.Helper()
	a := b.Navigate(path)
	if a.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("%s: status %d\n%s", path, a.StatusCode, a.Text)
	}
	authorizeURL := b.Navigate(a.Location()).Location()
	u, err := url.Parse(authorizeURL)
	if err != nil {
		b.t.Fatal(err)
	}
	back := b.Send(b.approve(authorizeURL, login).Request())
	if back.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("the way back to %s: status %d\n%s\n%s", path, back.StatusCode, back.Text, b.log)
	}
	return u.Query(), b.Navigate(back.Location())
}

// signIn signs a user in.
func (b *browser) signIn(login string) *answer {
	b.t.Helper()
	a := b.Send(b.approve(b.start(""), login).Request())
	if a.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("sign-in of %s: status %d\n%s\n%s", login, a.StatusCode, a.Text, b.log)
	}
	return a
}

// user returns the user who is signed in according to the app, or "".
func (b *browser) user() string {
	b.t.Helper()
	a := b.Get("/user/info")
	if a.StatusCode != http.StatusOK {
		b.t.Fatalf("info: status %d\n%s", a.StatusCode, a.Text)
	}
	upn, _ := a.JSON(b.t)["upn"].(string)
	return upn
}

func (b *browser) session() string {
	if c := b.Jar[sessionCookie]; c != nil {
		return c.Value
	}
	return ""
}

func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func state(t *testing.T, authorizeURL string) string {
	t.Helper()
	return query(t, authorizeURL).Get("state")
}

// assertRejected checks that a response was refused: with the status, a fixed text and a correlation
// ID, without a session or any stored data, and with the reason in the log. assertResumed checks that
// an authorization response signed no user in, and that the browser is redirected to its page through
// the login route.
func (b *browser) assertResumed(a *answer, to, reason string) {
	b.t.Helper()
	u, err := url.Parse(a.Location())
	if err != nil || a.StatusCode != http.StatusSeeOther || u.Path != "/user/login" || u.Query().Get("resume") == "" || cmp.Or(u.Query().Get("to"), "/") != to {
		b.t.Errorf("%d to %q instead of %s\n%s", a.StatusCode, a.Location(), to, b.log)
	}
	if a.Cookie(sessionCookie) != nil {
		b.t.Error("a session cookie was set")
	}
	if !strings.Contains(b.log.String(), `"msg":"sign-in resumed","reason":"`+reason+`"`) {
		b.t.Errorf("the log does not say %q:\n%s", reason, b.log)
	}
}

func (b *browser) assertRejected(a *answer, status int, reason string) {
	b.t.Helper()
	if a.StatusCode != status {
		b.t.Errorf("status %d, want %d\n%s", a.StatusCode, status, b.log)
	}
	if a.Cookie(sessionCookie) != nil {
		b.t.Error("a session cookie was set")
	}
	if !strings.Contains(a.Text, "correlation") && !strings.Contains(a.Text, "<code>") {
		b.t.Errorf("no correlation id: %s", a.Text)
	}
	if !strings.Contains(b.log.String(), `"reason":"`+reason+`"`) {
		b.t.Errorf("the log does not say %q:\n%s", reason, b.log)
	}
}
