package fibermsal_test

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
)

func keepFragment(cfg *fibermsal.Config) { cfg.KeepFragment = true }

var (
	linkOfPage   = regexp.MustCompile(`<a id="next" href="([^"]*)" data-home="([^"]*)">`)
	scriptOfPage = regexp.MustCompile(`(?s)<script>(.*)</script>`)
)

// readFragment does the same as the script in a browser whose address ends in a fragment. The test in
// e2e runs the script itself in Chromium.
func (b *browser) readFragment(a *answer, fragment string) (next string) {
	b.t.Helper()
	link, script := linkOfPage.FindStringSubmatch(a.Text), scriptOfPage.FindStringSubmatch(a.Text)
	if a.StatusCode != http.StatusOK || link == nil || script == nil {
		b.t.Fatalf("no page with a script: %d to %q\n%s", a.StatusCode, a.Location(), a.Text)
	}
	hash := sha256.Sum256([]byte(script[1]))
	policy := a.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "script-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"'") || !strings.Contains(policy, "default-src 'none'") {
		b.t.Errorf("the policy %q does not allow the script", policy)
	}
	u, err := url.Parse(html.UnescapeString(link[1]))
	if err != nil {
		b.t.Fatal(err)
	}
	q := u.Query()
	to := q.Get("to")
	if to == "" {
		to = html.UnescapeString(link[2])
	}
	if fragment != "" && !q.Has("page") && len(to)+3*len(fragment) < 3000 {
		q.Set("to", to+fragment)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func TestFragment_IsReturnedTo(t *testing.T) {
	t.Parallel()
	inBothModes := map[string]func(*fibermsal.Config){
		"form_post": keepFragment,
		"query": func(cfg *fibermsal.Config) {
			cfg.KeepFragment, cfg.ResponseMode = true, fibermsal.ResponseModeQuery
		},
	}
	for mode, change := range inBothModes {
		for fragment, want := range map[string]string{
			"":                         "/guarded?a=b",
			"#/orders/7?tab=1":         "/guarded?a=b#/orders/7?tab=1",
			"#top":                     "/guarded?a=b#top",
			"#a%20b%C3%A4":             "/guarded?a=b#a%20b%C3%A4",
			"#//evil.example":          "/guarded?a=b#//evil.example",
			"#%0d%0aX:y":               "/guarded?a=b#%0d%0aX:y", // as in a query
			"#" + string(rune(0x202e)): "/guarded?a=b#%E2%80%AE",
			// Each character takes three bytes in a URL. A fragment that is too long would lead to the
			// home page, or cause a 431.
			"#" + strings.Repeat("%7B", 300):  "/guarded?a=b#" + strings.Repeat("%7B", 300),
			"#" + strings.Repeat("{", 900):    "/guarded?a=b#" + strings.Repeat("%7B", 900),
			"#" + strings.Repeat("{", 1_000):  "/guarded?a=b",
			"#" + strings.Repeat("x", 10_000): "/guarded?a=b",
		} {
			t.Run(mode+fragment[:min(len(fragment), 30)], func(t *testing.T) {
				t.Parallel()
				b := newSite(t, newIDP(t), change).browser()
				next := b.readFragment(b.Navigate(b.Navigate("/guarded?a=b").Location()), fragment)
				back := b.Send(b.approve(b.Navigate(next).Location(), adele).Request())
				if !back.Redirects() || back.Location() != want {
					t.Errorf("%d to %q, want %q\n%s", back.StatusCode, back.Location(), want, back.Text)
				}
				if a := b.Navigate("/guarded?a=b"); a.Text != "hello "+adele {
					t.Errorf("%d %s", a.StatusCode, a.Text)
				}
			})
		}
	}
}

func TestFragment_PageHasNothingOfARequest(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t), keepFragment).browser()
	a := b.Navigate("/user/login?to=" + url.QueryEscape(`/"><script>alert(1)</script>`) + "&evil=evil&page=" + url.QueryEscape(`"><img src=x>`))
	if strings.Contains(a.Text, "evil") || strings.Contains(a.Text, "<img") || strings.Count(a.Text, "<script>") != 1 {
		t.Errorf("%s", a.Text)
	}
	if a := b.Navigate("/user/login?to=//evil.example"); b.readFragment(a, "#x") == "" || !strings.Contains(a.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("%v", a.Header)
	}
}

// Programs, and apps that do not allow the script, are redirected as ever.
func TestFragment_OnlyForBrowsersOfAppsThatAllowIt(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*fibermsal.Config)
		send   func(*browser) *answer
	}{
		"not allowed": {func(*fibermsal.Config) {}, func(b *browser) *answer { return b.Navigate("/user/login") }},
		"a program":   {keepFragment, func(b *browser) *answer { return b.Get("/user/login") }},
	} {
		b := newSite(t, newIDP(t), row.change).browser()
		if a := row.send(b); a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.Location(), b.idp.Authority) {
			t.Errorf("%s: %d to %q", name, a.StatusCode, a.Location())
		}
	}
}

// The fragment is not part of the page's name, which is used to detect loops.
func TestB14_LoopsOfPagesWithFragmentsEnd(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t), keepFragment)
	b := s.browser()
	rounds := 0
	for ; rounds < 6; rounds++ {
		a := b.Navigate("/challenge?q=1")
		if a.StatusCode != http.StatusSeeOther {
			break
		}
		next := b.readFragment(b.Navigate(a.Location()), "#x"+strings.Repeat("y", rounds))
		b.Send(b.approve(b.Navigate(next).Location(), adele).Request())
	}
	if rounds != 3 {
		t.Errorf("%d sign-ins", rounds)
	}
}
