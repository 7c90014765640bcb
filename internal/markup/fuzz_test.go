package markup_test

import (
	"bytes"
	htmltemplate "html/template"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/fibermsal/fibermsal/internal/markup"
)

// places writes a value in every place where a page can have one.
func places(value string) []byte {
	w := &markup.Writer{}
	w.Markup(`<!DOCTYPE html><html><head><meta http-equiv="refresh"`)
	w.Refresh("0", value)
	w.Markup(`><title>`)
	w.Text(value)
	w.Markup(`</title>`)
	w.Embed("style", files, "testdata/embedded.css")
	w.Markup(`</head><body><p><a id="a"`)
	w.URL("href", value)
	w.Data("value", value)
	w.Markup(` class="b">`)
	w.Text(value)
	w.Markup(`</a></p><form method="post"`)
	w.URL("action", value)
	w.Markup(`></form>`)
	w.Embed("script", files, "testdata/embedded.js")
	w.Markup(`</body></html>`)
	return w.Bytes()
}

// attackers lists known attacks that break out of markup.
var attackers = []string{
	"", "a", "/path?a=b&c=d#e", "https://login.entra.test/x?y=z", "HTTP://x", "//evil.example", "?to=a:b", "#a:b", "a+b c",
	`"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `" onclick="alert(1)`, "</title><script>", "</script><script>", "<!--", "-->", "]]>",
	"javascript:alert(1)", " javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "\x01javascript:x", "javascript&colon;x", "&#106;avascript:x",
	"data:text/html,<script>", "vbscript:x", "mailto:a@b", "blob:x", "%6aavascript:x", "http", "http:", ":", "x;url=javascript:alert(1)", "';url=javascript:x",
	"\x00", "\r\n", "\u2028", "\xff\xfe", "<\x00script>", "+ADw-script+AD4-", "&lt;", "&amp", "%", "%4", "%zz", "\t/x", "ä", "{{.}}", "`", "\\",
}

// No value can create an element or an attribute, or change any other than its own, and each is parsed
// as it was written. A URL has the scheme http or https, or is relative to the page.
func FuzzWriter(f *testing.F) {
	for _, value := range attackers {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		want, got := nodes(t, places("/x")), nodes(t, places(value))
		if len(got) != len(want) && value != "" { // an empty text is none
			t.Fatalf("%q: %d nodes, want %d", value, len(got), len(want))
		}
		if value == "" {
			return
		}
		for i, n := range got {
			compare(t, value, n, want[i])
		}
		sameAsTemplate(t, value)
	})
}

// nodes are those of a page, parents first.
func nodes(t *testing.T, page []byte) (all []*html.Node) {
	t.Helper()
	document, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range document.Descendants() {
		all = append(all, n)
	}
	return all
}

// compare compares a node with that of the page that has /x for the value.
func compare(t *testing.T, value string, got, want *html.Node) {
	t.Helper()
	data := want.Data
	if data == "/x" {
		data = asParsed(value)
	}
	if got.Type != want.Type || got.Data != data || len(got.Attr) != len(want.Attr) {
		t.Fatalf("%q: %+v, want %+v", value, got, want)
	}
	for i, wanted := range want.Attr {
		a := got.Attr[i]
		switch {
		case a.Key != wanted.Key || a.Namespace != wanted.Namespace:
			t.Fatalf("%q: attribute %+v, want %+v", value, a, wanted)
		case a.Key == "href" || a.Key == "action":
			checkURL(t, value, a.Val)
		case a.Key == "content":
			target, found := strings.CutPrefix(a.Val, "0;url=")
			if !found || strings.HasPrefix(target, "'") {
				t.Fatalf("%q: %q", value, a.Val)
			}
			checkURL(t, value, target)
		case a.Key == "data-value" && a.Val != asParsed(value), a.Key != "data-value" && a.Val != wanted.Val:
			t.Fatalf("%q: attribute %+v", value, a)
		}
	}
}

// asParsed returns a value as parsers read it. They replace zeros, and convert carriage returns to line
// feeds.
func asParsed(value string) string {
	return strings.NewReplacer("\x00", "\uFFFD", "\r\n", "\n", "\r", "\n").Replace(value)
}

// checkURL compares a URL of a page with the value from which it was made.
func checkURL(t *testing.T, value, got string) {
	t.Helper()
	for i := range len(got) {
		if c := got[i]; c <= ' ' || c > '~' || strings.IndexByte("\"`<>\\", c) >= 0 {
			t.Fatalf("%q: %q is in %q", value, c, got)
		}
	}
	if u, err := url.Parse(got); err == nil && u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
		t.Fatalf("%q: %q has another scheme", value, got)
	}
	// Browsers read the text before the first colon as a scheme, unless it contains a character that is
	// not allowed in schemes.
	scheme, _, found := strings.Cut(got, ":")
	if found && !strings.ContainsAny(scheme, "/?#%") && !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		t.Fatalf("%q: %q has another scheme", value, got)
	}
}

var oracle = htmltemplate.Must(htmltemplate.New("").Parse(`<a href="{{.}}" data-value="{{.}}">{{.}}</a>`))

// sameAsTemplate compares a link with that of html/template, which escapes more in URLs, refuses more relative
// ones that contain a colon, and allows mailto.
func sameAsTemplate(t *testing.T, value string) {
	t.Helper()
	value = strings.Map(func(r rune) rune {
		if strings.ContainsRune("'(){}|^%", r) {
			return -1
		}
		return r
	}, value)
	w := &markup.Writer{}
	w.Markup(`<a`)
	w.URL("href", value)
	w.Data("value", value)
	w.Markup(`>`)
	w.Text(value)
	w.Markup(`</a>`)
	var want bytes.Buffer
	if err := oracle.Execute(&want, value); err != nil {
		t.Fatal(err)
	}
	refused := bytes.Contains(w.Bytes(), []byte(`href="#"`)) || bytes.Contains(want.Bytes(), []byte(`href="#ZgotmplZ"`))
	if !refused && !bytes.Equal(w.Bytes(), want.Bytes()) {
		t.Fatalf("%q:\n%s, want\n%s", value, w.Bytes(), want.Bytes())
	}
}
