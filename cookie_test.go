package fibermsal_test

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

// cookieLine matches a Set-Cookie of the library. The value contains no special characters, and the
// attributes are those that RFC 6265bis section 4.1.3 requires for the prefix.
var cookieLine = regexp.MustCompile(`^(__Host-|__Secure-)?fibermsal(-[A-Za-z0-9_-]+)?=([A-Za-z0-9_-]*)((?:; [A-Za-z-]+(?:=[^;,\x00-\x1f\x7f]*|=[A-Z][a-z]{2}, [^;]*)?)*)$`)

// cookieFault returns the mistake in a Set-Cookie of an app with https, or "". The cookies of its
// routes have the path routes.
func cookieFault(line, routes string) string {
	name, _, _ := strings.Cut(line, "=")
	if !strings.Contains(strings.ToLower(name), "fibermsal") {
		return "" // the app's own
	}
	parts := cookieLine.FindStringSubmatch(line)
	if parts == nil {
		return "not of the form that is expected"
	}
	attributes := map[string]string{}
	for attribute := range strings.SplitSeq(strings.TrimPrefix(parts[4], "; "), "; ") {
		key, value, _ := strings.Cut(strings.ToLower(attribute), "=")
		if _, twice := attributes[key]; twice {
			return key + " twice"
		}
		attributes[key] = value
	}
	session, sameSite := parts[2] == "", attributes["samesite"]
	life, _ := strconv.Atoi(attributes["max-age"])
	_, secure := attributes["secure"]
	_, httpOnly := attributes["httponly"]
	_, domain := attributes["domain"]
	prefix, path, longest := "__Host-", "/", 660 // the count of tries lives a minute longer
	if parts[1] == "__Secure-" {                 // a long path, for the routes only, which __Host- forbids
		prefix, path, longest = "__Secure-", routes, 3600
	}
	switch {
	case parts[1] != prefix:
		return "no " + prefix + " prefix"
	case !secure || !httpOnly || domain || attributes["path"] != path:
		return "Secure, HttpOnly, Path=" + path + " and no Domain are wanted"
	case session && sameSite != "lax":
		return "the session's SameSite"
	case !session && sameSite != "none" && sameSite != "lax":
		return "the sign-in's SameSite"
	case !session && life > longest:
		return "a sign-in's cookie that outlives it"
	case parts[3] == "" && attributes["expires"] == "":
		return "an empty value that stays"
	case parts[3] != "" && (life <= 0 || attributes["expires"] != ""):
		return "a life by another clock than the browser's" // which may be wrong (aspnet/Security#1047)
	}
	for key := range attributes {
		if !slices.Contains([]string{"path", "secure", "httponly", "samesite", "max-age", "expires"}, key) {
			return "the attribute " + key
		}
	}
	return ""
}

// assertCookies checks every cookie that any test receives (threat D4).
func (s *site) assertCookies(header http.Header) {
	s.t.Helper()
	if strings.HasPrefix(s.origin, "http:") {
		return
	}
	for _, line := range header.Values("Set-Cookie") {
		if fault := cookieFault(line, s.base+"/user/"); fault != "" {
			s.t.Errorf("Set-Cookie: %s: %s", line, fault)
		}
	}
}

// The responses of all tests are checked. This test checks the checker.
func TestD4_EverySetCookieIsLookedAt(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	var lines []string
	keep := func(a *answer) *answer {
		lines = append(lines, a.Header.Values("Set-Cookie")...)
		return a
	}
	authorize := keep(b.Navigate("/user/login")).Location()
	keep(b.Send(b.approve(authorize, adele).Request()))
	keep(b.Send(request(http.MethodPost, "/user/logout", "")))
	if len(lines) < 4 { // the sign-in's, which goes; the session's, which goes
		t.Fatalf("cookies: %q", lines)
	}
	for _, line := range lines {
		if fault := cookieFault(line, "/user/"); fault != "" {
			t.Errorf("%s: %s", line, fault)
		}
		for what, bad := range map[string]string{
			"no Secure":            strings.NewReplacer("; secure", "", "; Secure", "").Replace(line),
			"no HttpOnly":          strings.Replace(line, "; HttpOnly", "", 1),
			"no Path":              strings.NewReplacer("; path=/", "", "; Path=/", "").Replace(line),
			"another Path":         strings.NewReplacer("path=/", "path=/user", "Path=/", "Path=/user").Replace(line),
			"a Domain":             line + "; domain=app.example",
			"no prefix":            strings.TrimPrefix(line, "__Host-"),
			"Strict":               strings.NewReplacer("SameSite=Lax", "SameSite=Strict", "SameSite=None", "SameSite=Strict").Replace(line),
			"no SameSite":          strings.NewReplacer("; SameSite=Lax", "", "; SameSite=None", "").Replace(line),
			"an unknown one":       line + "; Partitioned",
			"one twice":            line + "; path=/",
			"a date beside a life": line + "; expires=Thu, 01 Jan 2037 00:00:01 GMT",
			"no life":              regexp.MustCompile(`(?i); (max-age|expires)=[^;]*`).ReplaceAllString(line, ""),
			"a comma in it":        strings.Replace(line, "=", "=,", 1),
			"a quote in it":        strings.Replace(line, "=", `="`, 1),
			"another of its kind":  line + "\r\nSet-Cookie: a=b",
		} {
			if bad == line {
				t.Errorf("the test does not change %q for %s", line, what)
			} else if cookieFault(bad, "/user/") == "" {
				t.Errorf("nobody minds %s: %q", what, bad)
			}
		}
	}
	if fault := cookieFault(sessionCookie+"=x; path=/; secure; HttpOnly; SameSite=None", "/user/"); fault == "" {
		t.Error("nobody minds a session that other sites may use")
	}
}

func TestD4_CookieAttributes(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		mode         fibermsal.ResponseMode
		flowSameSite http.SameSite
	}{
		"form_post": {fibermsal.ResponseModeFormPost, http.SameSiteNoneMode},
		"query":     {fibermsal.ResponseModeQuery, http.SameSiteLaxMode},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.ResponseMode = row.mode }).browser()
			authorize := b.start("")
			for cookieName, c := range b.Jar {
				assertHostCookie(t, cookieName, c)
				if c.SameSite != row.flowSameSite || c.MaxAge != 600 {
					t.Errorf("flow cookie: SameSite %v, Max-Age %d", c.SameSite, c.MaxAge)
				}
			}
			a := b.Send(b.approve(authorize, adele).Request())
			c := a.Cookie(sessionCookie)
			assertHostCookie(t, sessionCookie, c)
			if c.SameSite != http.SameSiteLaxMode || len(c.Value) > 64 {
				t.Errorf("session cookie: %v", c)
			}
			if len(b.Jar) != 1 {
				t.Errorf("the sign-in's cookie is still there: %v", b.Jar)
			}
			out := b.Send(request(http.MethodPost, "/user/logout", ""))
			assertHostCookie(t, "expired "+sessionCookie, out.Cookie(sessionCookie))
			if len(b.Jar) != 0 {
				t.Errorf("left after the sign-out: %v", b.Jar)
			}
		})
	}
}

func assertHostCookie(t *testing.T, name string, c *http.Cookie) {
	t.Helper()
	if c == nil || !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" {
		t.Errorf("%s: %+v", name, c)
	}
}

func TestD4_SpellingOfThePublicURLDoesNotWeakenCookies(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.PublicURL = "HTTPS://App.Example/" }).browser()
	authorize := b.start("")
	if q := query(t, authorize); q.Get("redirect_uri") != redirectURI || q.Get("response_mode") != "form_post" {
		t.Errorf("authorize: %s", authorize)
	}
	for name, c := range b.Jar {
		assertHostCookie(t, name, c)
	}
}

// Other apps on the same host can set any cookies.
func TestD5_CookiesOfOtherAppsDisturbNoSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	for _, odd := range []string{
		`{"a": 1}`, `x={"a":[1, 2],"b":"c"}`, `x="unclosed`, "x=100%; y=%E0%A4%A", "x=J\xf6rg", "x=😀", "=", "=x", "x", ";;;",
		`$Version=1; x=y; $Path="/"`, "x=a=b==", `x="` + sessionCookie + `=evil"`, strings.ToLower(sessionCookie) + "=evil", "x=" + strings.Repeat("y", 3000),
	} {
		for place, join := range map[string]func(own string) string{
			"before": func(own string) string { return odd + "; " + own }, "behind": func(own string) string { return own + "; " + odd },
		} {
			b := s.browser()
			plain := b.App
			b.App = browsertest.DoerFunc(func(r *http.Request) (*http.Response, error) {
				r.Header["Cookie"] = []string{join(r.Header.Get("Cookie"))}
				return plain.Do(r)
			})
			back := b.Send(b.approve(b.start("/guarded"), adele).Request())
			if a := b.Navigate("/guarded"); back.Location() != "/guarded" || a.Text != "hello "+adele {
				t.Errorf("%.40q %s: %d to %q, then %d", odd, place, back.StatusCode, back.Location(), a.StatusCode)
			}
		}
	}
}

// twoSignedIn returns an app and the browsers of two users.
func twoSignedIn(t *testing.T) (s *site, one, two *browser) {
	t.Helper()
	s = newSite(t, newIDP(t))
	one, two = s.browser(), s.browser()
	one.signIn(adele)
	two.signIn(alex)
	return s, one, two
}

// cookie returns the session cookie as a browser sends it.
func (b *browser) cookie() string { return sessionCookie + "=" + b.session() }

func TestD5_TwoCookiesOfOneNameAreNone(t *testing.T) {
	t.Parallel()
	s, one, two := twoSignedIn(t)
	a, b := one.cookie(), two.cookie()
	for _, cookies := range [][]string{{a + "; " + b}, {b + "; " + a}, {a + "; " + a + "; " + b}, {a, b}, {b, a, a}} {
		r := request(http.MethodGet, "/guarded", "")
		r.Header["Cookie"] = cookies
		if got := s.send(r); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%d cookies: status %d %s", len(cookies), got.StatusCode, got.Text)
		}
	}
	for _, cookies := range [][]string{{a + "; " + a}, {a, a}, {a + "; x=y", a, a}} { // as adapters repeat them
		r := request(http.MethodGet, "/guarded", "")
		r.Header["Cookie"] = cookies
		if got := s.send(r); got.StatusCode != http.StatusOK || got.Text != "hello "+adele {
			t.Errorf("the same cookie again: status %d %s", got.StatusCode, got.Text)
		}
	}
	if one.user() != adele {
		t.Error("the real session is gone")
	}
}

// The routes read cookies by themselves.
func TestD5_TwoCookiesOfOneNameEndNoSession(t *testing.T) {
	t.Parallel()
	s, one, two := twoSignedIn(t)
	a, b := one.cookie(), two.cookie()
	for _, cookies := range [][]string{{a + "; " + b}, {b + "; " + a}, {a, b}} {
		r := request(http.MethodPost, "/user/logout", "")
		r.Header["Cookie"] = cookies
		s.send(r)
	}
	if one.user() != adele || two.user() != alex {
		t.Errorf("%q and %q are signed in", one.user(), two.user())
	}
}

func TestD15_CookiesOfManyFlowsFitTheHeader(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	b.signIn(adele)
	for range 30 {
		b.start("/reports/" + strings.Repeat("x", 60))
	}
	size := 0
	for name, c := range b.Jar {
		size += len(name) + len(c.Value) + 3
	}
	if len(b.Jar) != 2 || size > 600 {
		t.Errorf("%d cookies of %d bytes", len(b.Jar), size)
	}
	if len(b.session()) > 64 {
		t.Errorf("the session cookie has %d bytes", len(b.session()))
	}
}
