package fibermsal_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// browser keeps cookies as a browser does, SameSite included.
type browser struct {
	*site
	jar map[string]*http.Cookie
}

func (s *site) browser() *browser {
	return &browser{site: s, jar: make(map[string]*http.Cookie)}
}

// do sends a request with the browser's cookies and keeps those it gets.
func (b *browser) do(r *http.Request) *answer {
	b.t.Helper()
	crossSitePost := r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Method != http.MethodGet
	for _, c := range b.jar {
		if !crossSitePost || c.SameSite == http.SameSiteNoneMode {
			r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
	a := b.send(r)
	for _, c := range a.Cookies() {
		if c.MaxAge < 0 || (!c.Expires.IsZero() && c.Expires.Year() < 2000) || c.Value == "" {
			delete(b.jar, c.Name)
		} else {
			b.jar[c.Name] = c
		}
	}
	return a
}

func (b *browser) get(path string) *answer {
	b.t.Helper()
	return b.do(request(http.MethodGet, path, ""))
}

// navigate opens a page as the user does who types or clicks.
func (b *browser) navigate(path string) *answer {
	b.t.Helper()
	r := request(http.MethodGet, path, "")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	return b.do(r)
}

func request(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.Host = "app.example"
	// As the client wrote it: httptest would refuse what attackers send.
	r.URL, r.RequestURI = &url.URL{Opaque: path}, path
	return r
}

func navigation(method, path string) *http.Request {
	r := request(method, path, "")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	return r
}

func crossSite(r *http.Request) *http.Request {
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	return r
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
	a := b.navigate(path)
	if a.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("login: status %d\n%s\n%s", a.StatusCode, a.body, b.log)
	}
	return a.location()
}

// approve lets a person sign in at the emulator and returns its answer, which has
// not been delivered.
func (b *browser) approve(authorizeURL, login string) *entratest.Response {
	b.t.Helper()
	response, err := b.idp.SignIn(authorizeURL, login)
	if err != nil {
		b.t.Fatalf("sign in at the emulator: %v", err)
	}
	return response
}

// follow plays a browser that is sent from a page to Entra and back.
func (b *browser) follow(path, login string) (authorize url.Values, landed *answer) {
	b.t.Helper()
	a := b.navigate(path)
	if a.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("%s: status %d\n%s", path, a.StatusCode, a.body)
	}
	authorizeURL := b.navigate(a.location()).location()
	u, err := url.Parse(authorizeURL)
	if err != nil {
		b.t.Fatal(err)
	}
	back := b.do(b.approve(authorizeURL, login).Request())
	if back.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("the way back to %s: status %d\n%s\n%s", path, back.StatusCode, back.body, b.log)
	}
	return u.Query(), b.navigate(back.location())
}

// signIn signs a person in.
func (b *browser) signIn(login string) *answer {
	b.t.Helper()
	a := b.do(b.approve(b.start(""), login).Request())
	if a.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("sign-in of %s: status %d\n%s\n%s", login, a.StatusCode, a.body, b.log)
	}
	return a
}

// user is who the app says is signed in, or "".
func (b *browser) user() string {
	b.t.Helper()
	a := b.get("/user/info")
	if a.StatusCode != http.StatusOK {
		b.t.Fatalf("info: status %d\n%s", a.StatusCode, a.body)
	}
	upn, _ := a.json(b.t)["upn"].(string)
	return upn
}

func (b *browser) session() string {
	if c := b.jar[sessionCookie]; c != nil {
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

// assertRejected is what a refused response looks like: the status, a fixed text with a
// correlation id, no session, nothing stored, and the reason in the log.
func (b *browser) assertRejected(a *answer, status int, reason string) {
	b.t.Helper()
	if a.StatusCode != status {
		b.t.Errorf("status %d, want %d\n%s", a.StatusCode, status, b.log)
	}
	if a.cookie(sessionCookie) != nil {
		b.t.Error("a session cookie was set")
	}
	if !strings.Contains(a.body, "correlation") && !strings.Contains(a.body, "<code>") {
		b.t.Errorf("no correlation id: %s", a.body)
	}
	if !strings.Contains(b.log.String(), `"reason":"`+reason+`"`) {
		b.t.Errorf("the log does not say %q:\n%s", reason, b.log)
	}
}
