package web

import (
	"strings"

	"github.com/fibermsal/fibermsal/internal/markup"
	"github.com/fibermsal/fibermsal/internal/phrases"
)

// drawn returns the response with its page, if there is one, rendered as HTML or by the app.
func (s *Site) drawn(r *Response) *Response {
	if r.page == nil {
		return r
	}
	r.inLanguage(r.page.Language)
	if s.Pages != nil {
		page := *r.page
		r.ByApp = func(c any) error { return s.Pages(c, page) }
		return r
	}
	formAction := "'none'"
	if r.page.Code == codeConfirm {
		formAction = "'self' " + r.page.SignOutOrigin
	}
	r.html(r.page.draw(), "form-action "+formAction)
	return r
}

func (p *Page) draw() []byte {
	w := &markup.Writer{}
	title := phrases.SignInTitle
	if p.SignOutURL != "" {
		title = phrases.SignOutTitle
	}
	beginPage(w, p.language, title)
	beginMain(w, p.Message)
	if p.Detail != "" {
		w.Markup("<p>")
		p.drawDetail(w)
		w.Markup("</p>\n")
	}
	if p.SignOutURL != "" {
		p.drawQuestion(w)
	} else {
		p.drawLinks(w)
	}
	endPage(w)
	return w.Bytes()
}

// drawDetail isolates the value in the detail, because a name with another writing direction than the
// text would be mixed with the words around it.
func (p *Page) drawDetail(w *markup.Writer) {
	before, after, found := strings.Cut(p.Detail, p.value)
	if !found || p.value == "" {
		w.Text(p.Detail)
		return
	}
	w.Text(before)
	w.Markup("<bdi>")
	w.Text(p.value)
	w.Markup("</bdi>")
	w.Text(after)
}

// drawQuestion writes the question whether to sign out.
func (p *Page) drawQuestion(w *markup.Writer) {
	w.Markup(`<form method="post"`)
	w.URL("action", p.SignOutURL)
	w.Markup(`><button type="submit">`)
	w.Text(p.SignOutText)
	w.Markup("</button></form>\n<a class=\"plain\"")
	w.URL("href", p.HomeURL)
	w.Markup(">")
	w.Text(p.HomeText)
	w.Markup("</a>\n")
}

// drawLinks writes the links for the user, and the correlation ID for an administrator.
func (p *Page) drawLinks(w *markup.Writer) {
	w.Markup("<p>")
	switch {
	case p.SignInURL != "":
		drawLink(w, p.SignInURL, p.SignInText)
	case p.RetryURL != "":
		drawLink(w, p.RetryURL, p.RetryText)
	}
	w.Markup("<a")
	if p.SignInURL != "" || p.RetryURL != "" {
		w.Markup(` class="plain"`)
	}
	w.URL("href", p.HomeURL)
	w.Markup(">")
	w.Text(p.HomeText)
	w.Markup("</a></p>\n")
	if p.CorrelationID != "" {
		w.Markup("<small>")
		w.Text(p.CorrelationText)
		w.Markup(" <bdi><code>")
		w.Text(p.CorrelationID)
		w.Markup("</code></bdi></small>\n")
	}
}

func drawLink(w *markup.Writer, url, text string) {
	w.Markup("<a")
	w.URL("href", url)
	w.Markup(">")
	w.Text(text)
	w.Markup("</a> ")
}
