package fibermsal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

// fuzzedApp is an app that is shared by many inputs, because creating one takes longer than a request.
// It is replaced from time to time, because the emulator keeps everything that it has issued.
type fuzzedApp struct {
	change []func(*fibermsal.Config)
	uses   int
	site   *site
	close  func()
}

// of returns the app's site for the test of one input.
func (a *fuzzedApp) of(t *testing.T) *site {
	t.Helper()
	if a.site == nil || a.uses == 2000 {
		a.open(t)
	}
	a.uses++
	s := siteOf(t, a.site.app, a.site.idp, a.site.log)
	s.auth = a.site.auth
	return s
}

func (a *fuzzedApp) open(t *testing.T) {
	t.Helper()
	if a.close != nil {
		a.close()
	}
	idp := entratest.New(entratest.WithRedirectURI(redirectURI))
	cfg := configFor(idp)
	for _, change := range a.change {
		change(&cfg)
	}
	auth, err := fibermsal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	app := newApp()
	app.Use(auth.Handler())
	fibermsal.RegisterRoutes(app)
	app.Get("/", func(c *fiber.Ctx) error { return c.SendString("home") })
	app.All("/guarded", fibermsal.Require(), func(c *fiber.Ctx) error {
		u, _ := fibermsal.FromContext(c)
		return c.SendString("hello " + u.Username)
	})
	a.uses, a.site = 0, siteOf(t, app, idp, &logbook{})
	a.site.auth = auth
	a.close = func() {
		_ = auth.Close()
		_ = idp.Close()
	}
}

// Of all requests that a browser could send to the callback, only the response to its own sign-in signs
// its user in, and none causes an internal error (threats A1, A11, A12). {state}, {code} and {cookies}
// stand for the genuine ones.
func FuzzCallback(f *testing.F) {
	const honest = "code={code}&state={state}&session_state=x"
	for _, seed := range [][3]string{
		{"", honest, "{cookies}"},
		{honest, "", "{cookies}"},
		{honest, honest, "{cookies}"},
		{"", honest, ""},
		{"", "state={state}&error=access_denied", "{cookies}"},
		{"", honest + "&state={state}", "{cookies}"},
		{"", honest + "&error=", "{cookies}"},
		{"", "state={state}&code=x", "{cookies}"},
		{"", honest + "&iss=https://evil.example", "{cookies}"},
		{"", "state={state}A&code={code}", "{cookies}"},
		{"", "%73tate={state}&code={code}", "{cookies}; {cookies}"},
		{"", honest, "x; {cookies}; __Host-fibermsal=y"},
		{"state={state}", "code={code}", "{cookies}"},
		{"", "code={code};state={state}", "{cookies}"},
		{"", "{state}", "{cookies}"},
		{"%00", "\x00\xff", "="},
	} {
		f.Add(true, seed[0], seed[1], seed[2])
		f.Add(false, seed[0], seed[1], seed[2])
	}
	apps := map[bool]*fuzzedApp{
		true:  {change: []func(*fibermsal.Config){inMode(fibermsal.ResponseModeFormPost)}},
		false: {change: []func(*fibermsal.Config){inMode(fibermsal.ResponseModeQuery)}},
	}
	f.Fuzz(func(t *testing.T, formPost bool, query, body, cookies string) {
		b := apps[formPost].of(t).browser()
		genuine := b.approve(b.start(""), adele).Values
		replaced := strings.NewReplacer("{state}", genuine.Get("state"), "{code}", genuine.Get("code"), "{cookies}", cookiesIn(b.Jar))
		query, body, cookies = inRequestLine(replaced.Replace(query)), replaced.Replace(body), inHeader(replaced.Replace(cookies))
		r := callback(body)
		if !formPost {
			r = navigation(http.MethodGet, "/user/authorized")
		}
		if query != "" {
			r.RequestURI += "?" + query
			r.URL.RawQuery = query
		}
		if cookies != "" {
			r.Header.Set("Cookie", cookies)
		}
		sent := query
		if formPost {
			sent = body
		}
		a := b.send(r)
		if a.StatusCode >= http.StatusInternalServerError || strings.Contains(a.Text, "<script") {
			t.Fatalf("status %d for %q, %q, %q\n%s", a.StatusCode, query, body, cookies, a.Text)
		}
		if a.Cookie(sessionCookie) != nil && !isGenuine(sent, genuine, cookies, b.Jar) {
			t.Fatalf("a session begins by %q, %q, %q", query, body, cookies)
		}
	})
}

// isGenuine reports whether what was sent has the state and the code of a response, once each, with the cookies of its
// browser.
func isGenuine(sent string, genuine url.Values, cookies string, jar browsertest.Jar) bool {
	values, err := url.ParseQuery(sent)
	if err != nil || !slices.Equal(values["state"], genuine["state"]) || !slices.Equal(values["code"], genuine["code"]) || values.Get("error") != "" {
		return false
	}
	for name, cookie := range jar {
		if strings.HasPrefix(name, "__Host-") && !strings.Contains(cookies, name+"="+cookie.Value) {
			return false
		}
	}
	return true
}

func cookiesIn(jar browsertest.Jar) string {
	var pairs []string
	for name, cookie := range jar {
		pairs = append(pairs, name+"="+cookie.Value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "; ")
}

// inRequestLine encodes what ends a request line.
func inRequestLine(query string) string {
	var out strings.Builder
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f || c == '#' {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

// inHeader removes what ends a header line.
func inHeader(value string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, value))
}

// A cookie that the app has not set never signs a user in, and never adds a key to the storage (threats
// D1, D6). {cookie} stands for the value of a session's.
func FuzzSessionCookie(f *testing.F) {
	for _, seed := range []string{
		"__Host-fibermsal={cookie}", "__Host-fibermsal={cookie}A", "__Host-fibermsal=", "fibermsal={cookie}", "__host-fibermsal={cookie}", "__Host-fibermsal={cookie}; __Host-fibermsal=x",
		"__Host-fibermsal=x; __Host-fibermsal={cookie}", "__Host-fibermsal=\"{cookie}\"", "__Host-fibermsal =  {cookie}", "__Host-fibermsal=../../x", "__Host-fibermsal={cookie}=", "=; ;", "\xff",
		"__Host-fibermsal=" + strings.Repeat("A", 43), "__Host-fibermsal=" + strings.Repeat("A", 3000),
	} {
		f.Add(seed)
	}
	l := newLedger()
	app := &fuzzedApp{change: []func(*fibermsal.Config){onLedger(l)}}
	f.Fuzz(func(t *testing.T, cookies string) {
		b := app.of(t).browser()
		b.signIn(adele)
		own, before := b.session(), len(l.keys())
		cookies = inHeader(strings.ReplaceAll(cookies, "{cookie}", own))
		for path, refused := range map[string]int{"/user/info": http.StatusOK, "/guarded": http.StatusUnauthorized, "/": http.StatusOK} {
			r := request(http.MethodGet, path, "")
			if cookies != "" {
				r.Header.Set("Cookie", cookies)
			}
			a := b.send(r)
			known := strings.Contains(cookies, own)
			if a.StatusCode >= http.StatusInternalServerError || a.StatusCode != refused && !known && a.StatusCode < http.StatusBadRequest || !known && strings.Contains(a.Text, adele) {
				t.Fatalf("%s: %d for %q\n%s", path, a.StatusCode, cookies, a.Text)
			}
		}
		if after := l.keys(); len(after) != before {
			t.Fatalf("%q: stored are %v", cookies, after)
		}
		b.Send(request(http.MethodPost, "/user/logout", ""))
	})
}
