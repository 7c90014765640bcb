package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// client is a browser without a screen. It keeps cookies, follows redirects only on request, and sends
// the same headers as browsers.
type client struct {
	t    *testing.T
	http *http.Client
	site site
	page *url.URL // where it is, for relative URLs
}

func newClient(t *testing.T, s site) *client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: dialLoopback}
	if s.cert != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: s.cert.authority, MinVersion: tls.VersionTLS12}
	}
	t.Cleanup(transport.CloseIdleConnections)
	home, err := url.Parse(s.url + "/")
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, site: s, page: home, http: &http.Client{
		Jar: jar, Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// dialLoopback leads every host name to this machine, as browsers do with the
// names below localhost.
func dialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body string
}

func (a *answer) location() string { return a.Header.Get("Location") }

func (a *answer) json(t *testing.T) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(a.body), &fields); err != nil {
		t.Fatalf("%s: %d, not JSON: %v\n%s", a.Request.URL, a.StatusCode, err, a.body)
	}
	return fields
}

func (c *client) do(r *http.Request) *answer {
	c.t.Helper()
	resp, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	c.page = resp.Request.URL
	return &answer{Response: resp, body: string(body)}
}

func (c *client) request(method, to string, form url.Values) *http.Request {
	c.t.Helper()
	target, err := c.page.Parse(to)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := http.NewRequest(method, target.String(), strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// get sends a request as a script would.
func (c *client) get(path string) *answer {
	c.t.Helper()
	return c.do(c.request(http.MethodGet, c.site.url+path, nil))
}

// navigate opens a page as a user would, without following redirects.
func (c *client) navigate(to string) *answer {
	c.t.Helper()
	r := c.request(http.MethodGet, to, nil)
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-Site", "none")
	return c.do(r)
}

var (
	formTag   = regexp.MustCompile(`<form [^>]*action="([^"]*)"`)
	hiddenTag = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// signIn opens the sign-in route and completes the emulator's pages until the app has received the
// response.
func (c *client) signIn(login string) {
	c.t.Helper()
	a := c.navigate(c.site.url + "/user/login")
	for step := 0; ; step++ {
		page := a.Header.Get("X-Entratest-Page")
		switch {
		case step > 10:
			c.t.Fatalf("signing in does not end: %s", a.Request.URL)
		case a.location() == "/":
			return
		case a.location() != "":
			a = c.navigate(a.location())
		case page == "accounts":
			a = c.submit(a, "user", login)
		case page == "consent":
			a = c.submit(a, "action", "accept")
		case page == "form_post":
			a = c.submit(a, "", "")
		default:
			c.t.Fatalf("signing in ended at %s: %d\n%s", a.Request.URL, a.StatusCode, a.body)
		}
	}
}

// submit sends the first form of a page with one more field, as its button would.
func (c *client) submit(a *answer, name, value string) *answer {
	c.t.Helper()
	action := formTag.FindStringSubmatch(a.body)
	if action == nil {
		c.t.Fatalf("%s: no form\n%s", a.Request.URL, a.body)
	}
	form := url.Values{}
	for _, field := range hiddenTag.FindAllStringSubmatch(a.body, -1) {
		if !form.Has(field[1]) { // each form of a page repeats them
			form.Set(field[1], html.UnescapeString(field[2]))
		}
	}
	if name != "" {
		form.Set(name, value)
	}
	return c.do(c.request(http.MethodPost, html.UnescapeString(action[1]), form))
}

// user returns the user who is signed in according to the app, or "".
func (c *client) user() string {
	c.t.Helper()
	a := c.get("/user/info")
	if a.StatusCode != http.StatusOK {
		c.t.Fatalf("/user/info: %d\n%s", a.StatusCode, a.body)
	}
	upn, _ := a.json(c.t)["upn"].(string)
	return upn
}

// cookie is the value of a cookie for the site, or "".
func (c *client) cookie(name string) string {
	home, err := url.Parse(c.site.url)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, cookie := range c.http.Jar.Cookies(home) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}
