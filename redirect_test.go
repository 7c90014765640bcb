package fibermsal_test

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cache"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// evilPaths are ways to leave the origin, or to look as if one did not: every
// separator before every kind of host, plain and encoded.
func evilPaths() []string {
	paths := []string{
		"", "evil.example", "https:evil.example", "https:/evil.example", "https://evil.example",
		"javascript:alert(1)", "data:text/html,x", "?x", "#x", "/;@evil.example", "/%", "/%zz",
		"/a/../../evil", "/./", "/a/.", "/a/..", "/%2e%2e/%2fevil.example", "/%252e%252e//evil.example",
		"/a\x00b", "/%00", "/%2500", "/x?q=%0d%0aSet-Cookie:a=b", "/x#%0d%0a", strings.Repeat("/a", 1200),
		"/\u2028/evil.example", "/\uff0fevil.example", "/\u3002/evil", "/\xff\xfe",
	}
	separators := []string{
		"//", "///", "////", "/\\", "\\", "\\\\", "/\\/", "/%2f", "/%2f%2f", "/%5c", "/%5c%5c", "/%252f", "/%255c",
		"/\t/", "/\n/", "/\r/", "/\v/", "/\f/", "/ /", "/%09/", "/%0a/", "/%0b/", "/%0c/", "/%0d/", "/%20/", "/%2509/",
		"/.//", "/..//", "/./", "/../", "/.%2f", "/..%2f", "/%2e/", "/%2e%2e/", "/\\t/", "/;/", "/;//", "/@", "/:@",
		"\t//", " //", "\x00//", "%00//", "/%00/", "/%2f%5c", "/\u00a0/", "/\ufeff/", "/\u2215\u2215", "/\u29f8",
	}
	hosts := []string{"evil.example", "evil.example/app.example", "app.example@evil.example", "evil.example:80", "[::1]", "3627734734"}
	for _, s := range separators {
		for _, h := range hosts {
			paths = append(paths, s+h, s+h+"/..", "http:"+s+h)
		}
	}
	return paths
}

func TestC1_ReturnPathNeverLeavesTheOrigin(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	base, _ := url.Parse(publicURL + "/user/authorized")
	for _, path := range evilPaths() {
		b.jar = map[string]*http.Cookie{} // a browser of its own for each
		a := b.do(b.approve(b.start(path), adele).Request())
		location := a.location()
		u, err := base.Parse(location)
		switch {
		case a.StatusCode != http.StatusSeeOther:
			t.Errorf("%q: status %d", path, a.StatusCode)
		case err != nil || u.Scheme+"://"+u.Host != publicURL || u.User != nil:
			t.Errorf("%q leads to %q", path, location)
		case !strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") || strings.HasPrefix(location, "/\\"):
			t.Errorf("%q leads to %q", path, location)
		case strings.ContainsFunc(location, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }):
			t.Errorf("%q leads to %q", path, location)
		}
	}
}

func TestC1_GoodReturnPathsSurvive(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	for path, want := range map[string]string{
		"/":                     "/",
		"/reports?year=2026":    "/reports?year=2026",
		"/a/b%20c?q=a%26b&x=/y": "/a/b%20c?q=a%26b&x=/y",
		"/page#section-2":       "/page#section-2",
		"/search?u=https://x.y": "/search?u=https://x.y",
		"/München":              "/M%C3%BCnchen",
	} {
		if a := b.do(b.approve(b.start(path), adele).Request()); a.location() != want {
			t.Errorf("%q leads to %q, want %q", path, a.location(), want)
		}
	}
}

func TestC1_RefererAndOriginalURLAreNoWayOut(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.app.Get("/*", fibermsal.Require())
	for _, path := range []string{"//evil.example/%2e%2e", "/\\evil.example", "//evil.example"} {
		r := request(http.MethodGet, path, "")
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Referer", "https://localhost.evil.example/")
		a := s.send(r)
		to, err := url.Parse(a.location())
		if err != nil || a.StatusCode != http.StatusSeeOther || to.Host != "" || to.Path != "/user/login" || to.Query().Has("to") {
			t.Errorf("%q: status %d, Location %q", path, a.StatusCode, a.location())
		}
	}
}

func TestC2_LineBreaksNeverReachAHeader(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	s := newSite(t, idp)
	s.app.Get("/*", fibermsal.Require())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.app.Listener(listener) }()
	for _, path := range []string{
		"/user/login?to=/%0d%0aSet-Cookie:%20a=b", "/user/login?to=/x%0aSet-Cookie:%20a=b", "/user/login?to=/%250d%250aSet-Cookie:%20a=b",
		"/user/logout?to=/%0d%0aSet-Cookie:%20a=b", "/user/authorized?state=%0d%0aSet-Cookie:%20a=b",
		"/x%0d%0aSet-Cookie:%20a=b", "/x?%0d%0aSet-Cookie:%20a=b",
	} {
		for _, line := range rawHeader(t, listener.Addr().String(), path) {
			if strings.HasPrefix(strings.ToLower(line), "set-cookie: a=b") {
				t.Errorf("%s: injected %q", path, line)
			}
		}
	}
}

// rawHeader reads a response's header as it is on the wire.
func rawHeader(t *testing.T, address, path string) (lines []string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = conn.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: app.example\r\nAccept: text/html\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n\r\n"))
	for scanner := bufio.NewScanner(conn); scanner.Scan() && scanner.Text() != ""; {
		lines = append(lines, scanner.Text())
	}
	if len(lines) == 0 {
		t.Fatalf("%s: no answer", path)
	}
	return lines
}

func TestC3_WayBackFromSignOutIsTheConfiguredOne(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/user/logout", "/user/logout?to=//evil.example", "/user/logout?post_logout_redirect_uri=https://evil.example"} {
		b := newSite(t, newIDP(t)).browser()
		b.signIn(adele)
		r := request(http.MethodPost, path, "to=https://evil.example&post_logout_redirect_uri=https://evil.example")
		r.Header.Set("Referer", "https://evil.example/localhost")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		a := b.do(r)
		u, err := url.Parse(a.location())
		if err != nil || !strings.HasPrefix(a.location(), b.idp.Authority+"/oauth2/v2.0/logout?") {
			t.Errorf("%s: Location %q", path, a.location())
		}
		if got := u.Query()["post_logout_redirect_uri"]; len(got) != 1 || got[0] != publicURL+"/" {
			t.Errorf("%s: way back %q", path, got)
		}
		if !strings.Contains(a.location(), "post_logout_redirect_uri=https%3A%2F%2Fapp.example%2F") {
			t.Errorf("not encoded: %s", a.location())
		}
	}
}

func TestC3_SignOutWorksWhileEntraIsDown(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	l := newLedger()
	b := newSite(t, idp, onLedger(l)).browser()
	b.signIn(adele)
	down := newSite(t, entratest.New(entratest.WithRedirectURI(redirectURI)), onLedger(l))
	down.idp.Fault(entratest.Discovery, entratest.Fault{Drop: true})
	b.site = down
	if a := b.do(request(http.MethodPost, "/user/logout", "")); a.StatusCode != http.StatusSeeOther || a.location() != publicURL+"/" {
		t.Errorf("status %d, Location %q", a.StatusCode, a.location())
	}
	if len(l.keys()) != 0 {
		t.Errorf("left: %v", l.keys())
	}
}

func TestC4_SignOutNeedsTheUser(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		method, site, mode, dest string
		effective                bool
		status                   int
	}{
		"cross-site image":            {"GET", "cross-site", "no-cors", "image", false, 403},
		"cross-site link":             {"GET", "cross-site", "navigate", "document", false, 200},
		"same-site link":              {"GET", "same-site", "navigate", "document", false, 200},
		"GET of an old browser":       {"GET", "", "", "", false, 403},
		"link of the app":             {"GET", "same-origin", "navigate", "document", true, 303},
		"typed into the address bar":  {"GET", "none", "navigate", "document", true, 303},
		"form of the app":             {"POST", "same-origin", "navigate", "document", true, 303},
		"POST of an old browser":      {"POST", "", "", "", true, 303},
		"form of a sister site":       {"POST", "same-site", "navigate", "document", false, 403},
		"script of the app's own":     {"POST", "same-origin", "cors", "empty", true, 303},
		"a value browsers never send": {"POST", "evil", "", "", false, 403},
		"picture in the app's page":   {"GET", "same-origin", "no-cors", "image", false, 403},
		"script of the app, by GET":   {"GET", "same-origin", "cors", "empty", false, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t)).browser()
			b.signIn(adele)
			r := request(row.method, "/user/logout", "")
			for header, value := range map[string]string{"Sec-Fetch-Site": row.site, "Sec-Fetch-Mode": row.mode, "Sec-Fetch-Dest": row.dest} {
				if value != "" {
					r.Header.Set(header, value)
				}
			}
			a := b.do(r)
			if a.StatusCode != row.status {
				t.Errorf("status %d, want %d", a.StatusCode, row.status)
			}
			if signedOut := b.user() == ""; signedOut != row.effective {
				t.Errorf("signed out: %v", signedOut)
			}
			if !row.effective && (!strings.Contains(a.body, `method="post"`) || !strings.Contains(a.Header.Get("Content-Security-Policy"), "form-action 'self' https://login.entra.test;")) {
				t.Errorf("no confirmation page: %s\n%v", a.body, a.Header)
			}
		})
	}
}

func TestC5_HostHeadersDoNotMakeURLs(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	for header, value := range map[string]string{
		"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "javascript",
		"X-Forwarded-Protocol": "javascript", "X-Forwarded-Ssl": "on", "X-Url-Scheme": "javascript",
		"Forwarded": "host=evil.example;proto=http", "X-Original-Host": "evil.example", "X-Forwarded-Uri": "//evil.example",
	} {
		for _, path := range []string{"/user/login", "/guarded", "/user/logout"} {
			r := request(http.MethodGet, path, "")
			r.Header.Set("Accept", "text/html")
			r.Header.Set("Sec-Fetch-Site", "none")
			if header == "Host" {
				r.Host = value
			} else {
				r.Header.Set(header, value)
			}
			a := s.send(r)
			if strings.Contains(a.location(), "evil") || strings.Contains(a.location(), "javascript") || strings.Contains(a.body, "evil") {
				t.Errorf("%s on %s: Location %q", header, path, a.location())
			}
			if path == "/user/login" && query(t, a.location()).Get("redirect_uri") != redirectURI {
				t.Errorf("%s: redirect_uri %q", header, a.location())
			}
		}
	}
}

func TestC6_AnswersAboutAUserStayOutOfCaches(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	app := fiber.New()
	// Fiber's cache keys on the path alone; Next is the documented recipe.
	app.Use(cache.New(cache.Config{Next: func(c *fiber.Ctx) bool { return strings.HasPrefix(c.Path(), "/user/") }}))
	cfg := configFor(idp)
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app)
	s := &site{t: t, app: app, idp: idp, log: &logbook{}}
	b := s.browser()
	b.signIn(adele)
	for _, path := range []string{"/user/info", "/user/login", "/user/logout", "/user/authorized"} {
		a := b.get(path)
		if control := a.Header.Get("Cache-Control"); !strings.Contains(control, "no-store") || !strings.Contains(control, "private") {
			t.Errorf("%s: Cache-Control %q", path, control)
		}
		if !strings.Contains(a.Header.Get("Vary"), "Cookie") || a.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
	if stranger := s.browser(); stranger.user() != "" {
		t.Error("a stranger gets the user's answer")
	}
}

func TestC7_InfoTellsAllowedFieldsOnly(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.Info = map[string]func(*fiber.Ctx, *fibermsal.User) (any, error){
			"team":  func(*fiber.Ctx, *fibermsal.User) (any, error) { return "blue", nil },
			"oid":   func(*fiber.Ctx, *fibermsal.User) (any, error) { return "not the user's", nil },
			"sad":   func(*fiber.Ctx, *fibermsal.User) (any, error) { return nil, errStorage },
			"roles": func(*fiber.Ctx, *fibermsal.User) (any, error) { return []string{"Admin"}, nil },
		}
	}).browser()
	b.signIn(adele)
	info := b.get("/user/info").json(t)
	want := map[string]bool{"authenticated": true, "name": true, "mail": true, "upn": true, "tid": true, "oid": true, "roles": true, "session": true, "team": true, "sad": true}
	for field := range info {
		if !want[field] {
			t.Errorf("unexpected field %q", field)
		}
	}
	adeleAtIDP, _ := b.idp.User(adele)
	if info["oid"] != adeleAtIDP.ID || info["team"] != "blue" || info["sad"] != nil || info["name"] != adeleAtIDP.DisplayName {
		t.Errorf("info: %v", info)
	}
	for _, path := range []string{"/user/debug", "/user/info?debug", "/user/info?debug=1"} {
		if a := b.get(path); strings.Contains(a.body, b.session()) {
			t.Errorf("%s shows the session", path)
		}
	}
	if a := b.get("/user/debug"); a.StatusCode != http.StatusNotFound {
		t.Errorf("debug: status %d", a.StatusCode)
	}
	anonymous := b.browser().get("/user/info")
	if anonymous.body != `{"authenticated":false}` {
		t.Errorf("anonymous: %s", anonymous.body)
	}
}
