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

func newBrowser(tb testing.TB) flow.Browser {
	tb.Helper()
	b, err := flow.NewBrowser(rand.Reader, time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func begin(tb testing.TB, jar *flow.Jar, b flow.Browser, at time.Time, returnTo string) *flow.Attempt {
	tb.Helper()
	a, err := jar.Begin(rand.Reader, at, b, flow.DestinationOf(returnTo), flow.Requirements{}, 1)
	if err != nil {
		tb.Fatal(err)
	}
	return a
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
	jar, browser, now := newJar(t), newBrowser(t), time.Now()
	a := begin(t, jar, browser, now, "/reports?x=1")
	b, ok := jar.Open(a.State(), browser, nil)
	if !ok {
		t.Fatal("it does not open")
	}
	if b.IsForeign() || b.ID() != a.ID() || b.Nonce() != a.Nonce() || b.Verifier() != a.Verifier() || b.Destination().Path() != "/reports?x=1" || b.Restarts() != 1 {
		t.Error("it has changed")
	}
	if b.Expired(now.Add(9*time.Minute)) || !b.Expired(now.Add(11*time.Minute)) || !b.Expired(now.Add(-time.Hour)) {
		t.Error("it expires at the wrong time")
	}
}

func TestA2_AttemptIsForeignInAnotherBrowser(t *testing.T) {
	t.Parallel()
	jar, browser := newJar(t), newBrowser(t)
	a := begin(t, jar, browser, time.Now(), "/reports")
	for name, other := range map[string]flow.Browser{"another": newBrowser(t), "none": {}} {
		b, ok := jar.Open(a.State(), other, nil)
		if !ok || !b.IsForeign() || b.Verifier() != "" || b.Nonce() != "" {
			t.Errorf("%s: it can be completed", name)
		}
		if ok && b.Destination().Path() != "/reports" {
			t.Errorf("%s: its page is lost", name)
		}
	}
	if b, ok := jar.Open(a.State(), jar.OpenBrowser(jar.SealBrowser(browser.WithSession("s")).Value), nil); !ok || b.IsForeign() {
		t.Error("it is foreign after the browser got a session")
	}
}

func TestAttempt_KeepsItsPathHoweverLong(t *testing.T) {
	t.Parallel()
	jar, browser := newJar(t), newBrowser(t)
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
		a, err := jar.Begin(rand.Reader, time.Now(), browser, through, flow.Requirements{}, 0)
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
	jar, browser := newJar(t), newBrowser(t)
	a, b := begin(t, jar, browser, time.Now(), "/"), begin(t, jar, browser, time.Now(), "/")
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
	if _, err := newJar(t).Begin(strings.NewReader("too short"), time.Now(), newBrowser(t), flow.DestinationOf("/"), flow.Requirements{}, 0); err == nil {
		t.Error("began without randomness")
	}
	if _, err := flow.NewBrowser(strings.NewReader("too short"), time.Now()); err == nil {
		t.Error("a browser without randomness")
	}
}

func TestD14_StatesAndCookiesOpenOnlyInTheirOwnJar(t *testing.T) {
	t.Parallel()
	jar, browser := newJar(t), newBrowser(t)
	a := begin(t, jar, browser, time.Now(), "/")
	cookie := jar.SealBrowser(browser)
	for i := range 4 {
		other := newJar(t, func(args *[4]string) { args[i] += "x" })
		if _, ok := other.Open(a.State(), browser, nil); ok {
			t.Errorf("a state opens although binding %d differs", i)
		}
		if other.OpenBrowser(cookie.Value).MayBegin(time.Now()) {
			t.Errorf("a browser opens although binding %d differs", i)
		}
	}
	for i := range a.State() {
		if _, ok := jar.Open(changed(a.State(), i), browser, nil); ok {
			t.Fatalf("opens with byte %d changed", i)
		}
	}
	for i := range cookie.Value {
		if jar.OpenBrowser(changed(cookie.Value, i)).MayBegin(time.Now()) {
			t.Fatalf("a browser opens with byte %d changed", i)
		}
	}
	if _, ok := jar.Open(cookie.Value, browser, nil); ok || jar.OpenBrowser(a.State()).MayBegin(time.Now()) {
		t.Error("one opens in place of the other")
	}
}

func changed(text string, i int) string {
	b := []byte(text)
	b[i] ^= 1
	return string(b)
}

func TestBrowser_BeginsAttemptsForTwelveHours(t *testing.T) {
	t.Parallel()
	jar, now := newJar(t), time.Now()
	b := jar.OpenBrowser(jar.SealBrowser(newBrowser(t).WithSession("a session")).Value)
	if b.Session() != "a session" || !b.MayBegin(now) || !b.MayBegin(now.Add(11*time.Hour)) || b.MayBegin(now.Add(13*time.Hour)) || b.MayBegin(now.Add(-time.Hour)) {
		t.Errorf("%q", b.Session())
	}
	if (flow.Browser{}).MayBegin(now) || (flow.Browser{}).MayBegin(time.Time{}) {
		t.Error("nothing is bound to the zero Browser")
	}
}

func TestJar_EvictsTheOldestPaths(t *testing.T) {
	t.Parallel()
	jar, browser, now := newJar(t), newBrowser(t), time.Now()
	var present []flow.Cookie
	for i := range 3 {
		random := make([]byte, 1400)
		_, _ = rand.Read(random)
		path := "/" + base64.RawURLEncoding.EncodeToString(random)
		present = append(present, *begin(t, jar, browser, now.Add(time.Duration(i)*time.Second), path).Cookie())
	}
	if names := jar.Evict(present[:1], present[1]); len(names) != 0 {
		t.Errorf("evicted %v although all fit", names)
	}
	if names := jar.Evict(present[:2], present[2]); len(names) != 1 || names[0] != present[0].Name {
		t.Errorf("evicted %v", names)
	}
	of := flow.Cookie{Name: present[0].Name, Value: strings.Repeat("another app's", 300)}
	if names := jar.Evict([]flow.Cookie{of}, present[1]); len(names) != 0 {
		t.Errorf("evicted another app's %v", names)
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

func FuzzParseResponse(f *testing.F) {
	state := strings.Repeat("A", 43)
	for _, seed := range []string{"", "state=" + state + "&code=x", "state=" + state + "&error=access_denied", "a=%zz", "state=%00", "state=" + state + "&state=" + state} {
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
		if err != nil || len(fields["state"]) != 1 || len(fields["code"]) > 1 || len(r.State) != 43 {
			t.Fatalf("accepted %q", raw)
		}
	})
}

func FuzzOpen(f *testing.F) {
	jar, browser := newJar(f), newBrowser(f)
	good := begin(f, jar, browser, time.Now(), "/"+strings.Repeat("x", 100))
	f.Add(good.State(), jar.SealBrowser(browser).Value, "")
	f.Add("", "junk", "junk")
	f.Fuzz(func(t *testing.T, state, cookie, path string) {
		a, ok := jar.Open(state, jar.OpenBrowser(cookie), func(string) (string, bool) { return path, true })
		if ok && a.State() != good.State() {
			t.Fatalf("opened %q", state)
		}
	})
}
