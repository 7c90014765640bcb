package markup_test

import (
	"embed"
	"testing"

	"github.com/fibermsal/fibermsal/internal/markup"
)

//go:embed testdata
var files embed.FS

func TestWriter_WritesForThePlace(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		draw func(*markup.Writer)
		want string
	}{
		"text": {func(w *markup.Writer) { w.Markup("<p>"); w.Text(`<b> & "c" 'd' +`) }, `<p>&lt;b&gt; &amp; &#34;c&#34; &#39;d&#39; &#43;`},
		"zero": {func(w *markup.Writer) { w.Text("a\x00b") }, "a\uFFFDb"},
		"data": {func(w *markup.Writer) { w.Markup("<a"); w.Data("x", `a"b`); w.Markup(">") }, `<a data-x="a&#34;b">`},
		"URL": {
			func(w *markup.Writer) { w.Markup(`<a id="a"`); w.URL("href", `/ä b?c=d&e='f'%2F%`); w.Markup(">") },
			`<a id="a" href="/%c3%a4%20b?c=d&amp;e=&#39;f&#39;%2F%">`,
		},
		"absolute":     {func(w *markup.Writer) { w.Markup("<a"); w.URL("href", "HTTPS://x:1/") }, `<a href="HTTPS://x:1/"`},
		"colon":        {func(w *markup.Writer) { w.Markup("<a"); w.URL("href", "?a=b:c") }, `<a href="?a=b:c"`},
		"other scheme": {func(w *markup.Writer) { w.Markup("<a"); w.URL("href", "javascript:alert(1)") }, `<a href="#"`},
		"refresh": {
			func(w *markup.Writer) { w.Markup("<meta"); w.Refresh("1", `/x?a='b';url="c"`); w.Markup(">") },
			`<meta content="1;url=/x?a=&#39;b&#39;;url=%22c%22">`,
		},
		"refresh in quotes": {func(w *markup.Writer) { w.Markup("<meta"); w.Refresh("1", `'a'b`) }, `<meta content="1;url=%27a&#39;b"`},
		"file":              {func(w *markup.Writer) { w.Embed("script", files, "testdata/embedded.js") }, `<script>if (1 < 2) { void "'"; }</script>`},
	} {
		w := &markup.Writer{}
		row.draw(w)
		if got := string(w.Bytes()); got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
}

// A mistake in a page is detected for all values.
func TestWriter_PanicsForAValueWithoutAPlace(t *testing.T) {
	t.Parallel()
	for name, draw := range map[string]func(*markup.Writer){
		"text in a tag":            func(w *markup.Writer) { w.Markup("<a"); w.Text("x") },
		"text in an attribute":     func(w *markup.Writer) { w.Markup(`<a href="`); w.Text("x") },
		"text without quotes":      func(w *markup.Writer) { w.Markup(`<a href=`); w.Text("x") },
		"attribute without quotes": func(w *markup.Writer) { w.Markup(`<a href=`); w.Data("x", "y z") },
		"attribute without a tag":  func(w *markup.Writer) { w.Markup("<a>"); w.URL("href", "x") },
		"attribute without a name": func(w *markup.Writer) { w.Markup("<"); w.URL("href", "x") },
		"attribute first":          func(w *markup.Writer) { w.URL("href", "x") },
		"attribute in another":     func(w *markup.Writer) { w.Markup(`<a title="b`); w.URL("href", "x") },
		"script":                   func(w *markup.Writer) { w.Markup("<SCRIPT>"); w.Text("x") },
		"style":                    func(w *markup.Writer) { w.Markup("<style>"); w.Text("x") },
		"comment":                  func(w *markup.Writer) { w.Markup("<!-- "); w.Text("x") },
		"file in a tag":            func(w *markup.Writer) { w.Markup("<a"); w.Embed("script", files, "testdata/embedded.js") },
		"file that closes":         func(w *markup.Writer) { w.Embed("script", files, "testdata/closing.js") },
		"no file":                  func(w *markup.Writer) { w.Embed("script", files, "testdata/none.js") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			draw(&markup.Writer{})
		})
	}
}
