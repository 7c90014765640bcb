package flow_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

func newJar(tb testing.TB, change ...func(args *[4]string)) *flow.Jar {
	tb.Helper()
	ring, err := sealed.NewRing([][]byte{bytes.Repeat([]byte{1, 2}, 16)}, "test")
	if err != nil {
		tb.Fatal(err)
	}
	args := [4]string{"client", "https://login.example/t", "https://app.example/user/authorized", "form_post"}
	for _, c := range change {
		c(&args)
	}
	return flow.NewJar(ring, "__Host-x-", args[0], args[1], args[2], args[3])
}

// started is an attempt and its cookies in the browser.
type started struct {
	*flow.Attempt

	browser flow.Browser
}

func begin(tb testing.TB, jar *flow.Jar, b flow.Browser, at time.Time, returnTo string) started {
	tb.Helper()
	a, b, err := jar.Begin(rand.Reader, at, &flow.Start{Browser: b, To: flow.DestinationOf(returnTo), Restarts: 1})
	if err != nil {
		tb.Fatal(err)
	}
	return started{a, b}
}

// cookies are those of a request.
type cookies map[string]string

func (c cookies) get(name string) (value string, ok bool) {
	value, ok = c[name]
	return value, ok
}

func cookiesOf(a *flow.Attempt) cookies {
	if c := a.Cookie(); c != nil {
		return cookies{c.Name: c.Value}
	}
	return nil
}

func TestAttempt_IsSealedAndOpened(t *testing.T) {
	t.Parallel()
	jar, now := newJar(t), time.Now()
	a := begin(t, jar, flow.Browser{}, now, "/reports?x=1")
	b, ok := jar.Open(a.State(), a.browser, nil)
	if !ok {
		t.Fatal("it does not open")
	}
	if b.IsForeign() || b.ID() != a.ID() || b.Nonce() != a.Nonce() || b.Verifier() != a.Verifier() || b.Destination().Path() != "/reports?x=1" || b.Restarts() != 1 {
		t.Error("it has changed")
	}
	if b.Expired(now.Add(9*time.Minute)) || !b.Expired(now.Add(11*time.Minute)) || !b.Expired(now.Add(-time.Hour)) || b.IsLate(now.Add(-time.Hour)) {
		t.Error("it expires at the wrong time")
	}
}

func TestA2_AttemptIsForeignInAnotherBrowser(t *testing.T) {
	t.Parallel()
	jar := newJar(t)
	a := begin(t, jar, flow.Browser{}, time.Now(), "/reports")
	other := begin(t, jar, flow.Browser{}, time.Now(), "/").browser
	for name, b := range map[string]flow.Browser{"another": other, "none": {}, "that is over": a.browser.Without(a.Attempt)} {
		opened, ok := jar.Open(a.State(), b, nil)
		if !ok || !opened.IsForeign() || opened.Verifier() != "" || opened.Nonce() != "" {
			t.Errorf("%s: it can be completed", name)
		}
		if ok && opened.Destination().Path() != "/reports" {
			t.Errorf("%s: its page is lost", name)
		}
	}
	if b, ok := jar.Open(a.State(), jar.OpenBrowser(jar.SealBrowser(a.browser.WithSession("s")).Value), nil); !ok || b.IsForeign() {
		t.Error("it is foreign after the browser got a session")
	}
}

func TestAttempt_KeepsItsPathHoweverLong(t *testing.T) {
	t.Parallel()
	jar := newJar(t)
	random := make([]byte, 3000)
	_, _ = rand.Read(random)
	noise := base64.RawURLEncoding.EncodeToString(random) // which does not compress
	rows := map[string]struct {
		path, want string
		cookie     bool
	}{
		"none": {"", "/", false}, "home": {"/", "/", false}, "short": {"/a?b=c&d=e", "/a?b=c&d=e", false},
		"a kilobyte":             {"/" + noise[:900], "/" + noise[:900], false},
		"long and compressible":  {"/" + strings.Repeat("x", 3000), "/" + strings.Repeat("x", 3000), false},
		"two kilobytes":          {"/" + noise[:2000], "/" + noise[:2000], true},
		"too long":               {"/" + noise[:3900], "/", false},
		"longer than any":        {"/" + strings.Repeat("y", 5000), "/", false},
		"of another origin":      {"//evil", "/", false},
		"an ampersand per byte":  {"/?" + strings.Repeat("&", 900), "/?" + strings.Repeat("&", 900), false},
		"quotes and backslashes": {"/?" + strings.Repeat(`"\`, 400), "/?" + strings.Repeat(`"\`, 400), false},
	}
	for name, row := range rows {
		to := flow.DestinationOf(row.path)
		through := flow.DestinationOf(to.Path()).ForPage(to.Page()) // as in the login URL
		a, browser, err := jar.Begin(rand.Reader, time.Now(), &flow.Start{To: through})
		if err != nil {
			t.Fatal(err)
		}
		b, ok := jar.Open(a.State(), browser, cookiesOf(a).get)
		if !ok || b.Destination().Path() != row.want || len(a.State()) >= 1500 || (a.Cookie() != nil) != row.cookie {
			t.Errorf("%s: leads to %.20q, state %d, cookie %v", name, b.Destination().Path(), len(a.State()), a.Cookie() != nil)
		}
		tries := flow.Tries{}.Required(to, time.Now())
		if !tries.Has(b.Destination()) || tries.Has(flow.DestinationOf(row.path+"z")) {
			t.Errorf("%s: counted as another page", name)
		}
		if lost, ok := jar.Open(a.State(), browser, cookies{}.get); !ok || lost.IsForeign() || (row.cookie && (lost.Destination().Path() != "/" || !tries.Has(lost.Destination()))) {
			t.Errorf("%s: without its cookie it cannot be completed", name)
		}
	}
	if to := flow.DestinationOf("/"); to.ForPage("../../..") != to || to.ForPage(strings.Repeat("A", 9)) != to {
		t.Error("an invalid page name was accepted")
	}
}

func TestAttempt_SecretsAreIndependent(t *testing.T) {
	t.Parallel()
	jar := newJar(t)
	a := begin(t, jar, flow.Browser{}, time.Now(), "/")
	b := begin(t, jar, a.browser, time.Now(), "/")
	seen := map[string]bool{}
	for _, s := range []string{a.ID(), a.Nonce(), a.Verifier(), b.ID(), b.Nonce(), b.Verifier()} {
		if len(s) != 43 || seen[s] {
			t.Errorf("%q has %d characters, seen before: %v", s, len(s), seen[s])
		}
		seen[s] = true
	}
	sum := sha256.Sum256([]byte(a.Verifier()))
	if a.Challenge() != base64.RawURLEncoding.EncodeToString(sum[:]) {
		t.Error("the challenge is not S256 of the verifier")
	}
}

func TestAttempt_NeedsRandomness(t *testing.T) {
	t.Parallel()
	if _, _, err := newJar(t).Begin(strings.NewReader("too short"), time.Now(), &flow.Start{To: flow.DestinationOf("/")}); err == nil {
		t.Error("began without randomness")
	}
}

func TestD14_StatesAndCookiesOpenOnlyInTheirOwnJar(t *testing.T) {
	t.Parallel()
	jar := newJar(t)
	a := begin(t, jar, flow.Browser{}, time.Now(), "/")
	cookie := jar.SealBrowser(a.browser)
	for i := range 4 {
		other := newJar(t, func(args *[4]string) { args[i] += "x" })
		if _, ok := other.Open(a.State(), a.browser, nil); ok {
			t.Errorf("a state opens although binding %d differs", i)
		}
		if !other.OpenBrowser(cookie.Value).IsEmpty() || other.BrowserName() == jar.BrowserName() {
			t.Errorf("a browser opens, or its cookie has the same name, although binding %d differs", i)
		}
	}
	for i := range a.State() {
		if _, ok := jar.Open(changed(a.State(), i), a.browser, nil); ok {
			t.Fatalf("opens with byte %d changed", i)
		}
	}
	for i := range cookie.Value {
		if !jar.OpenBrowser(changed(cookie.Value, i)).IsEmpty() {
			t.Fatalf("a browser opens with byte %d changed", i)
		}
	}
	if _, ok := jar.Open(cookie.Value, a.browser, nil); ok || !jar.OpenBrowser(a.State()).IsEmpty() {
		t.Error("one opens in place of the other")
	}
}

func changed(text string, i int) string {
	b := []byte(text)
	b[i] ^= 1
	return string(b)
}

func TestBrowser_BindsTheLatestAttempts(t *testing.T) {
	t.Parallel()
	jar, b := newJar(t), flow.Browser{}.WithSession("a session")
	var all []started
	for range 30 {
		a := begin(t, jar, jar.OpenBrowser(jar.SealBrowser(b).Value), time.Now(), "/")
		b, all = a.browser, append(all, a)
	}
	for i, a := range all {
		if opened, ok := jar.Open(a.State(), b, nil); !ok || opened.IsForeign() != (i < 30-12) {
			t.Errorf("attempt %d is foreign: %v", i, opened.IsForeign())
		}
	}
	if size := len(jar.SealBrowser(b).Value); size > 450 || b.Session() != "a session" {
		t.Errorf("%d bytes, session %q", size, b.Session())
	}
	for _, a := range all {
		b = b.Without(a.Attempt)
	}
	if !b.IsEmpty() || b.Session() != "a session" {
		t.Error("attempts that are over are left")
	}
}

func TestJar_PathsTakeAFixedNumberOfCookies(t *testing.T) {
	t.Parallel()
	jar, present := newJar(t), cookies{}
	random := make([]byte, 1300)
	for i := range 40 {
		_, _ = rand.Read(random)
		path := "/" + base64.RawURLEncoding.EncodeToString(random)
		has := func(name string) bool { _, ok := present[name]; return ok && i < 20 } // then as in tabs that are opened at once
		a, _, err := jar.Begin(rand.Reader, time.Now(), &flow.Start{To: flow.DestinationOf(path), HasCookie: has})
		if err != nil || a.Cookie() == nil || !jar.OwnsPath(a.Cookie().Name) {
			t.Fatal(err)
		}
		present[a.Cookie().Name] = a.Cookie().Value
		if want := min(i+1, 3); len(present) > 3 || i < 3 && len(present) != want {
			t.Fatalf("%d paths in %d cookies", i+1, len(present))
		}
		if opened, ok := jar.Open(a.State(), flow.Browser{}, present.get); !ok || opened.Destination().Path() != path {
			t.Fatalf("path %d is lost", i)
		}
	}
}

// Longer ones share one cookie, because proxies refuse requests with more than 8 kB of cookies.
func TestJar_LongPathsTakeOneCookie(t *testing.T) {
	t.Parallel()
	jar, sizes := newJar(t), map[string]int{}
	for i := range 60 {
		random := make([]byte, []int{1300, 1700, 2250}[i%3])
		_, _ = rand.Read(random)
		path := "/" + base64.RawURLEncoding.EncodeToString(random)
		a, _, err := jar.Begin(rand.Reader, time.Now(), &flow.Start{To: flow.DestinationOf(path)})
		if err != nil || a.Cookie() == nil {
			t.Fatalf("%d bytes: %v", len(path), err)
		}
		sizes[a.Cookie().Name] = max(sizes[a.Cookie().Name], len(a.Cookie().Name)+len(a.Cookie().Value)+len("=; "))
	}
	sum := 0
	for _, size := range sizes {
		sum += size
	}
	if len(sizes) != 3 || sum > 7000 {
		t.Errorf("%v take %d bytes", sizes, sum)
	}
}

func TestResumption_IsValidForAWhile(t *testing.T) {
	t.Parallel()
	jar, now := newJar(t), time.Now()
	text := jar.SealResumption(2, now)
	if n, ok := jar.OpenResumption(text, now.Add(time.Minute)); n != 2 || !ok {
		t.Error(n, ok)
	}
	for name, row := range map[string]struct {
		text string
		at   time.Time
	}{"late": {text, now.Add(time.Hour)}, "changed": {changed(text, 20), now}, "none": {"", now}, "long": {strings.Repeat(text, 100), now}} {
		if _, ok := jar.OpenResumption(row.text, row.at); ok {
			t.Errorf("%s: valid", name)
		}
	}
}

// What no parser reads in two ways may still be too much, or no text.
func TestA12_ResponsesAreTextAndBounded(t *testing.T) {
	t.Parallel()
	genuine := "code=x&state=" + strings.Repeat("A", 43)
	filled := func(size int) string { return genuine + "&x=" + strings.Repeat("x", size-len(genuine)-3) }
	for name, row := range map[string]struct {
		raw    string
		accept bool
	}{
		"genuine":             {genuine, true},
		"20 fields":           {genuine + strings.Repeat("&a=1", 18), true},
		"21 fields":           {genuine + strings.Repeat("&a=1", 19), false},
		"16 kB":               {filled(flow.MaxResponse), true},
		"16 kB and one":       {filled(flow.MaxResponse + 1), false},
		"a NUL":               {genuine + "&a=%00", false},
		"a NUL as it is":      {genuine + "&a=\x00", false},
		"a NUL in a name":     {genuine + "&%00=1", false},
		"no UTF-8":            {genuine + "&a=%ff", false},
		"no UTF-8 as it is":   {genuine + "&a=\xff", false},
		"no UTF-8 in a name":  {genuine + "&%ff=1", false},
		"an escape that ends": {genuine + "&a=%4", false},
	} {
		if _, err := flow.ParseResponse(row.raw); (err == nil) != row.accept {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseResponse(f *testing.F) {
	state := strings.Repeat("A", 43)
	for _, seed := range []string{"", "state=" + state + "&code=x", "state=" + state + "&error=access_denied", "a=%zz", "state=%00", "state=" + state + "&state=" + state, "state=" + state + "&code=x&error=access_denied"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := flow.ParseResponse(raw)
		if err != nil {
			if !errors.Is(err, flow.ErrMalformed) || len(err.Error()) > 60 {
				t.Fatalf("the error repeats the input: %v", err)
			}
			return
		}
		fields, err := url.ParseQuery(raw)
		if err != nil || len(fields["state"]) > 1 || len(fields["code"]) > 1 || r.Code != "" && r.Error != "" {
			t.Fatalf("accepted %q", raw)
		}
		if n := len(r.State); (n < 43 || n > 1480) && (n > 0 || r.Error == "") || n > 0 && r.State != fields.Get("state") {
			t.Fatalf("accepted %q with the state %q", raw, r.State)
		}
	})
}

// A state can be opened only if it is unchanged and the browser has its cookie. {state} and {cookie}
// are placeholders, because these values differ between processes.
func FuzzOpen(f *testing.F) {
	jar := newJar(f)
	good := begin(f, jar, flow.Browser{}, time.Now(), "/"+strings.Repeat("x", 100))
	cookie := jar.SealBrowser(good.browser).Value
	for _, seed := range [][3]string{
		{"{state}", "{cookie}", ""},
		{"{state}A", "{cookie}", ""},
		{"{state}", "{cookie}A", "junk"},
		{"", "junk", "junk"},
		{"{cookie}", "{state}", "{cookie}"},
		{"{state}{state}", "", ""},
		{"{state}=", "{cookie}=", ""},
		{" {state}", "{cookie}", ""},
		{"{state}\n", "\"{cookie}\"", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], uint16(0), byte(0))
	}
	f.Add("{state}", "{cookie}", "", uint16(10), byte(1))
	f.Fuzz(func(t *testing.T, state, browser, path string, at uint16, flipped byte) {
		genuine := []byte(good.State())
		genuine[int(at)%len(genuine)] ^= flipped
		state = strings.ReplaceAll(state, "{state}", string(genuine))
		browser = strings.NewReplacer("{state}", good.State(), "{cookie}", cookie).Replace(browser)
		a, ok := jar.Open(state, jar.OpenBrowser(browser), func(string) (string, bool) { return path, true })
		if ok && (state != good.State() || a.State() != state || a.IsForeign() == (browser == cookie)) {
			t.Fatalf("opened %q with %q", state, browser)
		}
	})
}
