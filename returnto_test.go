package fibermsal_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/returnto"
)

// evilPaths are paths that leave the origin, or that only look local: every separator before every kind
// of host, plain and encoded.
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
	tried, left := 0, 0
	try := func(path string, status int, location string) {
		tried++
		if !assertStays(t, base, path, status, location) {
			left++
		}
	}
	for i, path := range evilPaths() {
		try(path, http.StatusSeeOther, returnto.Clean(path))
		if i%4 != 0 && !soaking() {
			continue
		}
		b.Jar = browsertest.Jar{} // a browser of its own for each
		a := b.Send(b.approve(b.start(path), adele).Request())
		try(path, a.StatusCode, a.Location())
	}
	figure.Report(t, figure.Figure{Row: "R17", Name: "hostile return paths that leave the origin", Value: fmt.Sprintf("%d of %d", left, tried)})
}

// assertStays checks that a sign-in ended on the app's origin, and reports whether it did.
func assertStays(t *testing.T, base *url.URL, path string, status int, location string) bool {
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
	default:
		return true
	}
	return false
}

// A user who requests a page is sent back to it after signing in, for every path and regardless of the
// page that contained the link.
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
			resp, err := testApp(s.app, r)
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
				a := b.Send(b.approve(b.Navigate(location).Location(), adele).Request())
				assertStays(t, base, path, a.StatusCode, a.Location())
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
		if a := b.Send(b.approve(b.start(path), adele).Request()); a.Location() != want {
			t.Errorf("%q leads to %q, want %q", path, a.Location(), want)
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
		to, err := url.Parse(a.Location())
		if err != nil || a.StatusCode != http.StatusSeeOther || to.Host != "" || to.Path != "/user/login" || to.Query().Has("to") {
			t.Errorf("%q: status %d, Location %q", path, a.StatusCode, a.Location())
		}
	}
}

func TestA14_PagesOfTheLibraryLeadToNoneOfItsRoutes(t *testing.T) {
	t.Parallel()
	const code = "1.the-code-of-a-sign-in"
	s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.ResponseMode = fibermsal.ResponseModeQuery })
	down := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.ResponseMode = fibermsal.ResponseModeQuery })
	down.idp.Fault(entratest.Discovery, entratest.Fault{Status: http.StatusInternalServerError})
	for path, row := range map[string]struct {
		s  *site
		to string // of the sign-in that the page offers
	}{
		"/user/authorized?code=" + code + "&state=" + strings.Repeat("A", 43): {s, ""},
		"/user/authorized?error=access_denied":                                {s, ""},
		"/user/frontchannel-logout?sid=x":                                     {s, ""},
		"/user/login?to=/reports%3Fx=1":                                       {down, "/reports?x=1"},
		"/user/login?to=https://evil.example":                                 {down, ""},
	} {
		a := row.s.browser().Navigate(path)
		_, link, _ := strings.Cut(a.Text, `href="/user/login`)
		link, _, _ = strings.Cut(link, `"`)
		to, err := url.Parse(html.UnescapeString("/user/login" + link))
		if err != nil || a.StatusCode < http.StatusBadRequest || to.Query().Get("to") != row.to || strings.Contains(a.Text, code) {
			t.Errorf("%s: %d, leads to %q", path, a.StatusCode, to.Query().Get("to"))
		}
	}
}
