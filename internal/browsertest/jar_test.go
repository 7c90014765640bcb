package browsertest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

const origin = "https://app.example"

// Requests as browsers describe them.
var requests = map[string]func(*http.Request){
	"typed":                    func(*http.Request) {},
	"own page":                 fetchMetadata("same-origin", "navigate", "document"),
	"link of another site":     fetchMetadata("cross-site", "navigate", "document"),
	"form of another site":     func(r *http.Request) { fetchMetadata("cross-site", "navigate", "document")(r); r.Method = "POST" },
	"script of another site":   fetchMetadata("cross-site", "cors", "empty"),
	"image of another site":    fetchMetadata("cross-site", "no-cors", "image"),
	"frame of another site":    fetchMetadata("cross-site", "navigate", "iframe"),
	"only said to be of there": func(r *http.Request) { CrossSite(r) },
}

func fetchMetadata(site, mode, dest string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Sec-Fetch-Site", site)
		r.Header.Set("Sec-Fetch-Mode", mode)
		r.Header.Set("Sec-Fetch-Dest", dest)
	}
}

func TestJar_SameSiteDecidesWhatIsSent(t *testing.T) {
	t.Parallel()
	jar := Jar{}
	for name, mode := range map[string]http.SameSite{
		"strict": http.SameSiteStrictMode, "lax": http.SameSiteLaxMode, "none": http.SameSiteNoneMode, "unsaid": 0,
	} {
		jar[name] = &http.Cookie{Name: name, Value: "1", SameSite: mode, Secure: true, Path: "/"}
	}
	for name, want := range map[string]string{
		"typed": "lax none strict unsaid", "own page": "lax none strict unsaid",
		"link of another site": "lax none unsaid", "only said to be of there": "lax none unsaid",
		"form of another site": "none", "script of another site": "none", "image of another site": "none", "frame of another site": "none",
	} {
		r := NewRequest(http.MethodGet, origin, "/", "")
		requests[name](r)
		jar.add(r, r.URL, false)
		if got := namesOf(r.Cookies()); got != want {
			t.Errorf("%s: sent %q, want %q", name, got, want)
		}
		old := NewRequest(http.MethodGet, origin, "/", "")
		requests[name](old)
		if jar.add(old, old.URL, true); len(old.Cookies()) != len(jar) {
			t.Errorf("%s: an old browser sent %q", name, namesOf(old.Cookies()))
		}
	}
}

func TestJar_SecureAndPathDecideWhatIsSent(t *testing.T) {
	t.Parallel()
	jar := Jar{
		"secure": {Name: "secure", Value: "1", Secure: true, Path: "/"}, "plain": {Name: "plain", Value: "1", Path: "/"},
		"deep": {Name: "deep", Value: "1", Path: "/a/b"}, "slash": {Name: "slash", Value: "1", Path: "/a/"}, "all": {Name: "all", Value: "1"},
	}
	for target, want := range map[string]string{
		"https://app.example/":      "all plain secure",
		"http://app.example/":       "all plain",
		"http://localhost:3000/":    "all plain secure",
		"http://app.localhost/":     "all plain secure",
		"http://127.0.0.1/":         "all plain secure",
		"http://[::1]:80/":          "all plain secure",
		"https://app.example/a":     "all plain secure slash",
		"https://app.example/a/b":   "all deep plain secure slash",
		"https://app.example/a/b/c": "all deep plain secure slash",
		"https://app.example/a/bc":  "all plain secure slash",
	} {
		r := httptest.NewRequest(http.MethodGet, target, http.NoBody)
		jar.add(r, r.URL, false)
		if got := namesOf(r.Cookies()); got != want {
			t.Errorf("%s: sent %q, want %q", target, got, want)
		}
	}
}

func TestJar_KeepsWhatBrowsersAccept(t *testing.T) {
	t.Parallel()
	for line, row := range map[string]struct{ https, http, localhost, script bool }{
		"a=1":                                            {https: true, http: true, localhost: true},
		"a=1; Secure":                                    {https: true, localhost: true},
		"a=1; SameSite=None":                             {},
		"a=1; SameSite=None; Secure":                     {https: true, localhost: true, script: true},
		"a=1; SameSite=Strict; Secure":                   {https: true, localhost: true},
		"__Secure-a=1":                                   {},
		"__Secure-a=1; Secure":                           {https: true, localhost: true},
		"__Host-a=1; Secure":                             {},
		"__Host-a=1; Path=/":                             {},
		"__host-a=1; Path=/; Domain=app.example":         {},
		"__Host-a=1; Secure; Path=/":                     {https: true, localhost: true},
		"__Host-a=1; Secure; Path=/; Domain=app.example": {},
		"__Host-a=1; Secure; Path=/; SameSite=None":      {https: true, localhost: true, script: true},
		"__Host-a=1; Secure; Path=/a; SameSite=None":     {},
	} {
		for way, want := range map[string]bool{"https": row.https, "http": row.http, "http://localhost": row.localhost, "script of another site": row.script} {
			target := map[string]string{"http": "http://app.example", "http://localhost": "http://localhost"}[way]
			if target == "" {
				target = origin
			}
			r := httptest.NewRequest(http.MethodGet, target+"/", http.NoBody)
			if describe, ok := requests[way]; ok {
				describe(r)
			}
			jar := Jar{}
			if jar.keep(r, r.URL, parse(line), false); (len(jar) == 1) != want {
				t.Errorf("%q by %s: kept %v", line, way, !want)
			}
		}
	}
}

func TestJar_RemovesWhatTheApplicationRemoves(t *testing.T) {
	t.Parallel()
	r := NewRequest(http.MethodGet, origin, "/", "")
	for line, stays := range map[string]bool{
		"a=2":              true,
		"a=2; Max-Age=600": true,
		"a=2; Max-Age=600; Expires=Thu, 01 Jan 1970 00:00:00 GMT": true,
		"a=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT":              false,
		"a=2; Max-Age=0": false,
		"a=":             false,
	} {
		jar := Jar{"a": {Name: "a", Value: "1"}}
		jar.keep(r, r.URL, parse(line), false)
		if c := jar["a"]; (c != nil) != stays || (stays && c.Value != "2") {
			t.Errorf("%q: %v", line, c)
		}
	}
	past := Jar{"a": {Name: "a", Value: "1", Expires: time.Now().Add(-time.Hour)}}
	past.add(r, r.URL, false)
	if len(r.Cookies()) != 1 {
		t.Error("a cookie ended by itself")
	}
}

func TestJar_PlainHTTPReplacesNoSecureCookie(t *testing.T) {
	t.Parallel()
	jar := Jar{"a": {Name: "a", Value: "1", Secure: true}}
	r := httptest.NewRequest(http.MethodGet, "http://app.example/", http.NoBody)
	jar.keep(r, r.URL, parse("a=2"), false)
	jar.keep(r, r.URL, parse("a=; Max-Age=0"), false)
	if c := jar["a"]; c == nil || c.Value != "1" {
		t.Errorf("%v", c)
	}
}

func TestJar_CloneIsItsOwn(t *testing.T) {
	t.Parallel()
	jar := Jar{"a": {Name: "a", Value: "1"}}
	clone := jar.Clone()
	delete(clone, "a")
	if len(jar) != 1 {
		t.Error("the original lost its cookie")
	}
}

func parse(line string) []*http.Cookie {
	return (&http.Response{Header: http.Header{"Set-Cookie": {line}}}).Cookies()
}

func namesOf(cookies []*http.Cookie) string {
	var names []string
	for _, c := range cookies {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
