package fibermsal_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/browsertest"
)

// lineWith returns the last line of the log that contains a text.
func lineWith(t *testing.T, log, text string) string {
	t.Helper()
	found := ""
	for line := range strings.Lines(log) {
		if strings.Contains(line, text) && !strings.Contains(line, `"msg":"audit"`) {
			found = line
		}
	}
	if found == "" {
		t.Fatalf("no line has %s:\n%s", text, log)
	}
	return found
}

// For a response without its sign-in, the log contains the usual causes: the cookies that arrived, and
// a host that is not that of PublicURL.
func TestLog_NamesCookiesAndHostOfAMissingSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	for name, row := range map[string]struct {
		host, cookie string
		want         []string
		hostNamed    bool
	}{
		"no cookies":           {"app.example", "", []string{`"cookies":[]`}, false},
		"the port of https":    {"app.example:443", "", []string{`"cookies":[]`}, false},
		"cookies of others":    {"app.example", "theme=s3cret-value; __Host-fibermsal=s3cret-value", []string{`"theme"`, `"__Host-fibermsal"`}, false},
		"behind another name":  {"internal:3000", "theme=s3cret-value", []string{`"cookies":["theme"]`, `"host":"internal:3000"`, `"public_url":"https://app.example"`}, true},
		"another port":         {"app.example:8080", "", []string{`"host":"app.example:8080"`}, true},
		"the browser's cookie": {"app.example", "__Host-fibermsal-browser=broken", []string{`"__Host-fibermsal-browser"`}, false},
	} {
		for _, reason := range []string{"state_unknown", "no_flow"} {
			value := state(t, s.browser().start(""))
			if reason == "state_unknown" {
				value = strings.Repeat("A", 60)
			}
			r := callback("code=x&state=" + value)
			r.Host = row.host
			if row.cookie != "" {
				r.Header.Set("Cookie", row.cookie)
			}
			s.send(r)
			line := lineWith(t, s.log.String(), `"reason":"`+reason+`"`)
			for _, want := range row.want {
				if !strings.Contains(line, want) {
					t.Errorf("%s, %s: %s is not in %s", name, reason, want, line)
				}
			}
			if strings.Contains(line, `"host"`) != row.hostNamed || strings.Contains(line, "s3cret") || strings.Contains(line, "broken") {
				t.Errorf("%s, %s: %s", name, reason, line)
			}
		}
	}
}

func TestF3_NamesOfCookiesAndHostsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	var cookies []string
	for i := range 60 {
		cookies = append(cookies, fmt.Sprintf("cookie%d%s=v", i, strings.Repeat("x", 100)))
	}
	r := callback("code=x&state=" + strings.Repeat("A", 60))
	r.Header.Set("Cookie", strings.Join(cookies, "; "))
	r.Host = strings.Repeat("h", 2000) + ".example"
	s.send(r)
	if line := lineWith(t, s.log.String(), `"reason":"state_unknown"`); len(line) > 4000 {
		t.Errorf("%d bytes: %s", len(line), line)
	}
}

// An error for which the sign-in is missing is one of them.
func TestLog_NamesTheCookiesOfAnErrorWithoutItsSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	b := s.browser()
	value := state(t, b.start(""))
	other := s.browserWith(browsertest.Jar{"theme": &http.Cookie{Name: "theme", Value: "dark", Path: "/", Secure: true, SameSite: http.SameSiteNoneMode}})
	other.Send(callback("state=" + value + "&error=access_denied&error_description=AADSTS50105"))
	if line := lineWith(t, s.log.String(), "AADSTS50105"); !strings.Contains(line, `"cookies":["theme"]`) {
		t.Error(line)
	}
}
