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

func begin(tb testing.TB, at time.Time, returnTo string) *flow.Attempt {
	tb.Helper()
	a, err := flow.Begin(rand.Reader, at, flow.DestinationOf(returnTo), "old-session", flow.Requirements{})
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func TestAttempt_IsSealedAndOpened(t *testing.T) {
	t.Parallel()
	jar, now := newJar(t), time.Now()
	a := begin(t, now, "/reports?x=1")
	cookie, err := jar.Seal(a)
	if err != nil {
		t.Fatal(err)
	}
	b, ok := jar.Open(cookie)
	if !ok {
		t.Fatal("it does not open")
	}
	if b.State() != a.State() || b.Nonce() != a.Nonce() || b.Verifier() != a.Verifier() || b.Destination().Path() != "/reports?x=1" || b.Replaces() != "old-session" {
		t.Error("it has changed")
	}
	if b.Expired(now.Add(9*time.Minute)) || !b.Expired(now.Add(11*time.Minute)) || !b.Expired(now.Add(-time.Hour)) {
		t.Error("it expires at the wrong time")
	}
	if !b.Matches(a.State()) || b.Matches(a.Nonce()) || b.Matches("") {
		t.Error("matches the wrong state")
	}
}

func TestAttempt_KeepsThePageOfALongPath(t *testing.T) {
	t.Parallel()
	jar := newJar(t)
	short, long, longer := "/a?b=c", "/"+strings.Repeat("x", 1500), "/"+strings.Repeat("y", 3000)
	for path, want := range map[string]string{"": "/", "/": "/", short: short, long: "/", longer: "/", "//evil": "/"} {
		to := flow.DestinationOf(path)
		through := flow.DestinationOf(to.Path()).ForPage(to.Page()) // as in the login URL
		a, err := flow.Begin(rand.Reader, time.Now(), through, "", flow.Requirements{})
		if err != nil {
			t.Fatal(err)
		}
		cookie, err := jar.Seal(a)
		if err != nil {
			t.Fatal(err)
		}
		b, ok := jar.Open(cookie)
		if !ok || b.Destination().Path() != want {
			t.Errorf("%.20q leads to %q", path, b.Destination().Path())
		}
		tries := flow.Tries{}.Required(to, time.Now())
		if !tries.Has(b.Destination()) || tries.Has(flow.DestinationOf(path+"z")) {
			t.Errorf("%.20q is counted as another page", path)
		}
	}
	if to := flow.DestinationOf("/"); to.ForPage("../../..") != to || to.ForPage(strings.Repeat("A", 9)) != to {
		t.Error("an invalid page name was accepted")
	}
}

func TestAttempt_SecretsAreIndependent(t *testing.T) {
	t.Parallel()
	a, b := begin(t, time.Now(), "/"), begin(t, time.Now(), "/")
	seen := map[string]bool{}
	for _, s := range []string{a.State(), a.Nonce(), a.Verifier(), b.State(), b.Nonce(), b.Verifier()} {
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
	if _, err := flow.Begin(strings.NewReader("too short"), time.Now(), flow.DestinationOf("/"), "", flow.Requirements{}); err == nil {
		t.Error("began without randomness")
	}
}

func TestD14_CookiesOpenOnlyInTheirOwnJar(t *testing.T) {
	t.Parallel()
	jar := newJar(t)
	cookie, err := jar.Seal(begin(t, time.Now(), "/"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := jar.Seal(begin(t, time.Now(), "/"))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := jar.Open(flow.Cookie{Name: other.Name, Value: cookie.Value}); ok {
		t.Error("opens under the name of another attempt")
	}
	for i := range 4 {
		other := newJar(t, func(args *[4]string) { args[i] += "x" })
		if _, ok := other.Open(cookie); ok {
			t.Errorf("opens although binding %d differs", i)
		}
	}
	for i := range cookie.Value {
		changed := []byte(cookie.Value)
		changed[i] ^= 1
		if _, ok := jar.Open(flow.Cookie{Name: cookie.Name, Value: string(changed)}); ok {
			t.Fatalf("opens with byte %d changed", i)
		}
	}
}

func TestJar_EvictsTheOldest(t *testing.T) {
	t.Parallel()
	jar, now := newJar(t), time.Now()
	var cookies []flow.Cookie
	for i := range 7 {
		c, err := jar.Seal(begin(t, now.Add(time.Duration(i)*time.Second), "/"))
		if err != nil {
			t.Fatal(err)
		}
		cookies = append(cookies, c)
	}
	next, err := jar.Seal(begin(t, now.Add(time.Minute), "/"))
	if err != nil {
		t.Fatal(err)
	}
	if names := jar.Evict(cookies, next, now.Add(time.Minute)); len(names) != 1 || names[0] != cookies[0].Name {
		t.Errorf("evicted %v", names)
	}
	junk := append([]flow.Cookie{{Name: "__Host-x-AAAAAAAA", Value: "junk"}}, cookies[:2]...)
	if names := jar.Evict(junk, next, now.Add(time.Minute)); len(names) != 1 || names[0] != "__Host-x-AAAAAAAA" {
		t.Errorf("evicted %v", names)
	}
	if names := jar.Evict(cookies, next, now.Add(time.Hour)); len(names) != 7 {
		t.Errorf("kept expired ones: %v", names)
	}
	long, err := jar.Seal(begin(t, now.Add(time.Minute), "/"+strings.Repeat("x", 1000)))
	if err != nil {
		t.Fatal(err)
	}
	if names := jar.Evict([]flow.Cookie{long, cookies[1]}, long, now.Add(time.Minute)); len(names) == 0 {
		t.Error("more than fits in the header")
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
	jar := newJar(f)
	valid, err := jar.Seal(begin(f, time.Now(), "/"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(valid.Name, valid.Value)
	f.Add("__Host-x-AAAAAAAA", "")
	f.Fuzz(func(t *testing.T, name, value string) {
		if a, ok := jar.Open(flow.Cookie{Name: name, Value: value}); ok && (jar.Name(a.State()) != name || a.Replaces() != "old-session") {
			t.Fatalf("opened %q = %q", name, value)
		}
	})
}
