package returnto_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/returnto"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"":                             "/",
		"/":                            "/",
		"/a/b?c=d&e=/f#g":              "/a/b?c=d&e=/f#g",
		"/a b":                         "/a%20b",
		"/ä?ö":                         "/%C3%A4?%C3%B6",
		"/a%2Fb":                       "/a%2Fb",
		"/?next=//evil.example":        "/?next=//evil.example",
		"//evil.example":               "/",
		"/\\evil.example":              "/",
		"/%5cevil.example":             "/",
		"/%255cevil.example":           "/",
		"/%2f/evil.example":            "/",
		"/a/%2e%2e/b":                  "/",
		"/a\nb":                        "/",
		"/?text=two%0d%0alines":        "/?text=two%0d%0alines", // what a text area of a form sends
		"/?q=\r\n":                     "/",
		"/%0d%0aSet-Cookie:a=b":        "/",
		"https://evil.example":         "/",
		"evil.example":                 "/",
		"/\xff":                        "/",
		"/files/a//b":                  "/files/a//b",
		"/proxy/https://example.com/x": "/proxy/https://example.com/x",
		"/a%5Cb":                       "/a%5Cb",
		"/a\\b":                        "/a%5Cb",
		"/a\\..\\b":                    "/",
		"/a%5C%2e%2e%5Cb":              "/",
		"/%252f%252fevil.example":      "/",
		"///evil.example":              "/",
		"/" + strings.Repeat("a", returnto.MaxLength): "/",
	} {
		if got := returnto.Clean(raw); got != want {
			t.Errorf("Clean(%q) = %q, want %q", raw, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"/", "/a?b#c", "//e", "/\\e", "/%2f%2fe", "/%09/e", "https:e", "/;@e", "/.//e", "/\u2028", "/%252e%252e/"} {
		f.Add(seed)
	}
	base, _ := url.Parse("https://app.example/user/authorized")
	f.Fuzz(func(t *testing.T, raw string) {
		clean := returnto.Clean(raw)
		if again := returnto.Clean(clean); again != clean {
			t.Fatalf("%q: Clean of %q is %q", raw, clean, again)
		}
		if strings.ContainsFunc(clean, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Fatalf("%q: %q is not fit for a header", raw, clean)
		}
		u, err := base.Parse(clean)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || u.User != nil {
			t.Fatalf("%q: %q leaves the origin", raw, clean)
		}
		if !strings.HasPrefix(clean, "/") || strings.HasPrefix(clean, "//") || strings.HasPrefix(clean, "/\\") {
			t.Fatalf("%q: %q", raw, clean)
		}
	})
}
