package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/phrases"
)

// No text or URL can change the elements of a page, or the members of a problem (RFC 9457; threat A10).
func FuzzProblem(f *testing.F) {
	for _, seed := range []string{
		"", "a", `"><script>alert(1)</script>`, "</title><script>", "javascript:alert(1)", "java\nscript:x", "//evil.example", "/path?a=b&c=d", "<!--", "\x00\xff", "\u2028", `","code":"ok`,
		"https://login.entra.test/x", "&lt;", "data:text/html,x", strings.Repeat("a", 3000),
	} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, text, address string) {
		for _, page := range pagesOf(text, address) {
			got, want := elements(t, page.draw()), elements(t, pageWithout(page).draw())
			if got != want {
				t.Fatalf("%q, %q:\n%s, want\n%s", text, address, got, want)
			}
		}
		out := newResponse()
		p := problemOf(autherr.Rejected.New("reason", nil))
		p.Title, p.CorrelationID, p.LoginURL = text, text, address
		out.json(p)
		var members map[string]any
		if err := json.Unmarshal(out.Body, &members); err != nil || members["code"] != p.Code || members["status"] != float64(http.StatusBadRequest) {
			t.Fatalf("%q, %q: %v\n%s", text, address, err, out.Body)
		}
	})
}

// pagesOf returns a page of each kind.
func pagesOf(text, address string) []*Page {
	return []*Page{
		{language: phrases.English, Message: text, Detail: "d" + text, CorrelationID: "c" + text, HomeURL: address, SignInURL: "/" + address, SignInText: text},
		{language: phrases.English, Message: text, HomeURL: "/", RetryURL: "/" + address},
		{language: phrases.English, Message: text, HomeURL: address, SignOutURL: "/" + address},
	}
}

// pageWithout is the page with harmless texts and URLs.
func pageWithout(p *Page) *Page {
	harmless := func(s string) string {
		if s == "" {
			return ""
		}
		return "/x"
	}
	return &Page{
		language: p.language, Message: harmless(p.Message), Detail: harmless(p.Detail), CorrelationID: harmless(p.CorrelationID), HomeURL: harmless(p.HomeURL),
		SignInURL: harmless(p.SignInURL), SignInText: harmless(p.SignInText), RetryURL: harmless(p.RetryURL), SignOutURL: harmless(p.SignOutURL),
	}
}

// elements returns the elements and attributes of a page without their values. A URL with another scheme is
// written with it.
func elements(t *testing.T, page []byte) string {
	t.Helper()
	document, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for n := range document.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		out.WriteString("<" + n.Data)
		for _, a := range n.Attr {
			out.WriteString(" " + a.Key)
			scheme, _, found := strings.Cut(strings.ToLower(a.Val), ":")
			if (a.Key == "href" || a.Key == "action") && n.Data != "link" && found && !strings.ContainsAny(scheme, "/?#%") && scheme != "http" && scheme != "https" {
				out.WriteString("=" + a.Val)
			}
		}
		out.WriteString(">")
	}
	return out.String()
}
