package fibermsal_test

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cache"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/returnto"
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
	return append(paths, disguisedPaths()...)
}

// disguisedPaths are of the kinds that collections of open redirects hold: schemes that
// are spelled oddly, hosts that contain the right one, separators in every encoding, also
// one after another, and what a browser drops before it reads a URL.
func disguisedPaths() (paths []string) {
	for _, scheme := range []string{
		"https", "hTTp", "ftp", "javascript", "java%0d%0ascript", "java\tscript", "data", "mailto",
	} {
		for _, after := range []string{":", "://", ":/", ":\\", ":\\/", "%3a//", "%3A%2F%2F", ":%2f%2f", ":%5c%5c", ":\t//", "\t://", "::", ":///", ":////"} {
			paths = append(paths, scheme+after+"evil.example", "/"+scheme+after+"evil.example", "//"+scheme+after+"evil.example")
		}
	}
	for _, host := range []string{
		"evil.example#app.example", "evil.example?app.example", "evil.example%23app.example", "evil.example%3fapp.example", "evil.example\\@app.example", "evil.example%5c@app.example",
		"app.example.evil.example", "app.example%00.evil.example", "app.example%2eevil.example", "app.example:80@evil.example", "app.example:443%40evil.example", "app.example%20@evil.example",
		"evil.example;app.example", "evil.example,app.example", "evil%E3%80%82example", "evil\u3002example", "\u24d4vil.example", "0x7f.1", "2130706433", "017700000001", "[::ffff:127.0.0.1]", "evil.example%E2%80%A8", "evil.example:", ":80", "@evil.example",
	} {
		for _, before := range []string{"//", "/\\", "\\\\", "/%09/", "/%2f", "%2f%2f", "/%5c", "///", "https://", "/.//", "/a/..//", "/%2e%2e//", "/ /", "/\u200b/", "/\ufeff//", "/%c0%af", "/%e0%80%af", "/%252f%252f", "/%25252f"} {
			paths = append(paths, before+host)
		}
	}
	for _, dropped := range []string{"\t", "\n", "\r", "\x00", "\x01", "\x08", "\x0b", "\x0c", "\x1f", " ", "\x7f", "\u0085", "\u00a0", "\u2028", "\u2029", "\u200b", "\ufeff", "%09", "%0a", "%0d", "%00", "%20", "%c2%a0", "%e2%80%a8", "%ef%bb%bf", "%2509", "%250a"} {
		paths = append(paths, dropped+"//evil.example", "/"+dropped+"/evil.example", "//"+dropped+"evil.example", "/"+dropped+"\\evil.example", "/"+dropped+"%2fevil.example", "/a"+dropped+"//evil.example", "//evil.example"+dropped)
	}
	return paths
}

func TestC1_ReturnPathNeverLeavesTheOrigin(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t), discardLog).browser()
	base, _ := url.Parse(publicURL + "/user/authorized")
	for i, path := range evilPaths() {
		assertStays(t, base, path, http.StatusSeeOther, returnto.Clean(path))
		if i%4 != 0 && os.Getenv("FIBERMSAL_SOAK") == "" {
			continue
		}
		b.jar = map[string]*http.Cookie{} // a browser of its own for each
		a := b.do(b.approve(b.start(path), adele).Request())
		assertStays(t, base, path, a.StatusCode, a.location())
	}
}

// assertStays checks that a sign-in ended on the app's origin.
func assertStays(t *testing.T, base *url.URL, path string, status int, location string) {
	t.Helper()
	u, err := base.Parse(location)
	switch {
	case status != http.StatusSeeOther:
		t.Errorf("%q: status %d", path, status)
	case err != nil || u.Scheme+"://"+u.Host != publicURL || u.User != nil:
		t.Errorf("%q leads to %q", path, location)
	case !strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") || strings.HasPrefix(location, "/\\"):
		t.Errorf("%q leads to %q", path, location)
	case strings.ContainsFunc(location, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }):
		t.Errorf("%q leads to %q", path, location)
	}
}

// Who asks for a page is sent back to it after signing in, whatever its path is, and
// whatever page sent the browser there.
func TestC1_PathOfAPageAndItsRefererLeadNowhereElse(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t), discardLog)
	s.app.All("/*", fibermsal.Require())
	base, _ := url.Parse(publicURL + "/user/authorized")
	signIns := 0
	for _, path := range evilPaths() {
		for what, r := range map[string]*http.Request{"path": request(http.MethodGet, path, ""), "Referer": request(http.MethodGet, "/page", ""), "login": request(http.MethodGet, "/user/login", "")} {
			r.Header.Set("Accept", "text/html")
			r.Header.Set("Sec-Fetch-Mode", "navigate")
			if !strings.ContainsAny(path, "\r\n\x00") {
				r.Header.Set("Referer", path)
			}
			if what == "path" && strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
				continue // no request line
			}
			b := s.browser()
			resp, err := s.app.Test(r, -1)
			if err != nil {
				continue // fasthttp takes no such request
			}
			_ = resp.Body.Close()
			location := resp.Header.Get("Location")
			if resp.StatusCode != http.StatusSeeOther {
				if location != "" {
					t.Errorf("%s %q: status %d, Location %q", what, path, resp.StatusCode, location)
				}
				continue
			}
			if what == "login" {
				if !strings.HasPrefix(location, s.idp.Authority+"/") {
					t.Errorf("%s %q leads to %q", what, path, location)
				}
				continue
			}
			to, err := url.Parse(location)
			if err != nil || to.Scheme != "" || to.Host != "" || to.Path != "/user/login" {
				t.Errorf("%s %q leads to %q", what, path, location)
				continue
			}
			if what == "Referer" && location != "/user/login?to=%2Fpage" {
				t.Errorf("the Referer %q leads to %q", path, location)
			}
			if to.Query().Has("to") && what == "path" {
				signIns++
				a := b.do(b.approve(b.navigate(location).location(), adele).Request())
				assertStays(t, base, path, a.StatusCode, a.location())
			}
		}
	}
	if signIns < 100 {
		t.Errorf("only %d of the paths came back from the sign-in", signIns)
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

// Whatever is decoded, kept in a cookie, and written into a header on the way through a
// sign-in and a sign-out, on the wire there are the library's own headers only.
func TestC2_LineBreaksNeverReachAHeader(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.app.Get("/*", fibermsal.Require())
	address := s.onSocket()
	injection := func(lines []string) string {
		for _, line := range lines {
			if lower := strings.ToLower(line); strings.HasPrefix(lower, "x-injected") || strings.HasPrefix(lower, "set-cookie: a=b") || strings.ContainsAny(line, "\r\x00") {
				return line
			}
		}
		return ""
	}
	breaks := []string{
		"%0d%0a", "%0a", "%0d", "%0D%0A", "%250d%250a", "%25250a", "%E5%98%8A%E5%98%8D", "%c4%8a", "%e2%80%a8", "%0b", "%0c", "%85", "%00%0d%0a", "%0d%0a%20", "\\r\\n",
		"\r", "\x00", "\x0b", "\u560d\u560a",
	}
	for _, br := range breaks {
		for _, header := range []string{"Set-Cookie:%20a=b", "X-Injected:%201", "%0d%0aX-Injected:1"} {
			evil := "/x" + br + header
			for _, path := range []string{
				"/user/login?to=" + evil, "/user/login?to=" + br + evil, "/user/login?claims=" + evil, "/user/logout?to=" + evil, "/user/logout?post_logout_redirect_uri=" + evil,
				"/user/authorized?state=" + br + header, "/user/authorized?error=" + br + header, "/user/info?x=" + evil, "/user/frontchannel-logout?sid=" + evil, evil, "/x?" + br + header, "/user" + evil,
			} {
				if bad := injection(rawHeader(t, address, path)); bad != "" {
					t.Errorf("%q: injected %q", path, bad)
				}
			}
			for _, body := range []string{"state=" + br + header, "error=x&error_description=" + br + header + "&state=" + br + header, "code=" + br + header + "&state=" + strings.Repeat("A", 43)} {
				if bad := injection(rawAnswer(t, address, string(rawRequest("POST", "/user/authorized", body, "Content-Type", formType, "Connection", "close")))); bad != "" {
					t.Errorf("callback of %q: injected %q", body, bad)
				}
			}
			if bad := injection(rawAnswer(t, address, string(rawRequest("POST", "/user/logout", "to="+evil, "Content-Type", formType, "Sec-Fetch-Site", "same-origin", "Cookie", sessionCookie+"="+br+header, "Connection", "close")))); bad != "" {
				t.Errorf("sign-out with a cookie of %q: injected %q", br+header, bad)
			}
			if bad := injection(s.rawSignIn(address, evil)); bad != "" {
				t.Errorf("sign-in that leads to %q: injected %q", evil, bad)
			}
		}
	}
}

// rawSignIn signs in on a socket, and returns the header of the last answer.
func (s *site) rawSignIn(address, to string) []string {
	s.t.Helper()
	var authorize, cookie string
	for _, line := range rawHeader(s.t, address, "/user/login?to="+to) {
		if value, ok := strings.CutPrefix(line, "Location: "); ok {
			authorize = value
		}
		if value, ok := strings.CutPrefix(line, "Set-Cookie: "); ok && cookie == "" {
			cookie, _, _ = strings.Cut(value, ";")
		}
	}
	if !strings.HasPrefix(authorize, s.idp.Authority+"/") {
		return nil // it was no request for the login
	}
	response, err := s.idp.SignIn(authorize, adele)
	if err != nil {
		s.t.Fatal(err)
	}
	lines := rawAnswer(s.t, address, string(rawRequest("POST", "/user/authorized", response.Values.Encode(), "Content-Type", formType, "Cookie", cookie, "Connection", "close")))
	if !strings.Contains(lines[0], "303") {
		s.t.Errorf("sign-in that leads to %q: %s", to, lines[0])
	}
	return lines
}

// rawHeader reads the header of an answer as it is on the wire.
func rawHeader(t *testing.T, address, path string) (lines []string) {
	t.Helper()
	return rawAnswer(t, address, "GET "+path+" HTTP/1.1\r\nHost: app.example\r\nAccept: text/html\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nConnection: close\r\n\r\n")
}

// rawAnswer sends a request as it is. Each line of the answer ends with CR LF, which is
// left out.
func rawAnswer(t *testing.T, address, request string) (lines []string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, request)
	answer, _ := io.ReadAll(conn)
	header, _, _ := strings.Cut(string(answer), "\r\n\r\n")
	if header == "" {
		t.Fatalf("%q: no answer", request)
	}
	return strings.FieldsFunc(strings.ReplaceAll(header, "\r\n", "\n"), func(r rune) bool { return r == '\n' })
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
