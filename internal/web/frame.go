package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"

	"github.com/fibermsal/fibermsal/internal/markup"
	"github.com/fibermsal/fibermsal/internal/phrases"
)

const (
	styleFile  = "pages.css"
	scriptFile = "fragment.js"
)

// The library's own pages are plain: they have no scripts, load nothing, and contain nothing from a
// request (threat A10), which only selects their language. The page for fragments is an exception.
var (
	//go:embed pages.css fragment.js
	files embed.FS

	styleSource  = sourceOf(styleFile)
	scriptSource = sourceOf(scriptFile)
)

// sourceOf returns the source expression with which a Content-Security-Policy allows an embedded file.
func sourceOf(file string) string {
	content, err := files.ReadFile(file)
	if err != nil {
		panic(err) // it is embedded
	}
	hash := sha256.Sum256(content)
	return "'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
}

// html sets a page as the body, and a Content-Security-Policy with the given additional directives.
func (r *Response) html(body []byte, directives string) {
	r.Header.Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src "+styleSource+
		"; "+directives+"; base-uri 'none'; frame-ancestors 'none'")
	r.Header.Set("Content-Type", "text/html; charset=utf-8")
	r.Body = body
}

// beginPage writes the beginning of a page. The caller may add to the head before beginMain.
func beginPage(w *markup.Writer, l *phrases.Language, title phrases.Key) {
	w.Markup("<!DOCTYPE html>\n<html")
	w.Language(l.Tag, l.Direction)
	w.Markup(`>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<title>`)
	w.Text(l.Text(title))
	w.Markup("</title>\n")
	w.Embed("style", files, styleFile)
	w.Markup("\n")
}

// beginMain writes the heading of a page. The caller then writes the content.
func beginMain(w *markup.Writer, heading string) {
	w.Markup("</head>\n<body>\n<main>\n<h1>")
	w.Text(heading)
	w.Markup("</h1>\n")
}

func endPage(w *markup.Writer) { w.Markup("</main>\n</body>\n</html>\n") }
