package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"

	"github.com/fibermsal/fibermsal/internal/markup"
)

const (
	styleFile  = "pages.css"
	scriptFile = "fragment.js"
)

// The library's own pages are plain: they have no script, load nothing, and contain nothing
// from a request (threat A10). The one about fragments is an exception.
var (
	//go:embed pages.css fragment.js
	files embed.FS

	styleSource  = sourceOf(styleFile)
	scriptSource = sourceOf(scriptFile)
)

// sourceOf returns the source by which a Content-Security-Policy allows an embedded file.
func sourceOf(file string) string {
	content, err := files.ReadFile(file)
	if err != nil {
		panic(err) // it is embedded
	}
	hash := sha256.Sum256(content)
	return "'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
}

// drawn returns the response with its page, if there is one, as HTML, or drawn by the app.
func (s *Site) drawn(r *Response) *Response {
	if r.page == nil {
		return r
	}
	if s.Pages != nil {
		page := *r.page
		r.ByApp = func(c any) error { return s.Pages(c, page) }
		return r
	}
	formAction := "'none'"
	if r.page.Code == codeConfirm {
		formAction = "'self' " + r.page.SignOutOrigin
	}
	r.Header.Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src "+styleSource+
		"; form-action "+formAction+"; base-uri 'none'; frame-ancestors 'none'")
	r.Header.Set("Content-Type", "text/html; charset=utf-8")
	r.Body = r.page.draw()
	return r
}

func (p *Page) draw() []byte {
	w := &markup.Writer{}
	w.Markup(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<title>`)
	if p.SignOutURL != "" {
		w.Markup("Sign out?")
	} else {
		w.Markup("Sign-in")
	}
	w.Markup("</title>\n")
	w.Embed("style", files, styleFile)
	w.Markup("\n</head>\n<body>\n<main>\n<h1>")
	w.Text(p.Message)
	w.Markup("</h1>\n")
	if p.Detail != "" {
		w.Markup("<p>")
		w.Text(p.Detail)
		w.Markup("</p>\n")
	}
	if p.SignOutURL != "" {
		p.drawQuestion(w)
	} else {
		p.drawLinks(w)
	}
	w.Markup("</main>\n</body>\n</html>\n")
	return w.Bytes()
}

// drawQuestion asks whether to sign out.
func (p *Page) drawQuestion(w *markup.Writer) {
	w.Markup(`<form method="post"`)
	w.URL("action", p.SignOutURL)
	w.Markup(`><button type="submit">Sign out</button></form>
<a class="plain"`)
	w.URL("href", p.HomeURL)
	w.Markup(">Stay signed in</a>\n")
}

// drawLinks shows what a user can do, and what an administrator finds in the log.
func (p *Page) drawLinks(w *markup.Writer) {
	w.Markup("<p>")
	switch {
	case p.SignInURL != "":
		drawLink(w, p.SignInURL, p.SignInText)
	case p.RetryURL != "":
		drawLink(w, p.RetryURL, "Try again")
	}
	w.Markup("<a")
	if p.SignInURL != "" || p.RetryURL != "" {
		w.Markup(` class="plain"`)
	}
	w.URL("href", p.HomeURL)
	w.Markup(">Home page</a></p>\n")
	if p.CorrelationID != "" {
		w.Markup("<small>Reference for your administrator: <code>")
		w.Text(p.CorrelationID)
		w.Markup("</code></small>\n")
	}
}

func drawLink(w *markup.Writer, url, text string) {
	w.Markup("<a")
	w.URL("href", url)
	w.Markup(">")
	w.Text(text)
	w.Markup("</a> ")
}
