package web

import (
	"net/http"

	"github.com/fibermsal/fibermsal/internal/markup"
	"github.com/fibermsal/fibermsal/internal/phrases"
)

// Proxies such as nginx allow, by default, 4 kB for the whole header of a response and respond with 502
// if it is longer. The limits below leave room for headers of the app and the proxy.
const (
	// maxRedirect limits the Location and the cookies of a redirect.
	maxRedirect = 3 << 10
	// maxCookies limits the cookies of a response that has no Location.
	maxCookies = 3400
)

// redirect redirects the browser with 303, which never repeats a POST (threat A13). It is called after
// all cookies have been set. If the header would become too long for proxies, a page redirects instead.
func (r *Response) redirect(in *Request, target string) {
	r.target = target
	if len(target)+r.cookieSize() > maxRedirect {
		r.continueAt(in.language(), target)
		return
	}
	r.Status = http.StatusSeeOther
	r.Header.Set("Location", target)
}

// continueAt redirects with the body, which may have any length. The page has no script and contains
// nothing from a request except the target (threat A10).
func (r *Response) continueAt(l *phrases.Language, target string) {
	w := &markup.Writer{}
	beginPage(w, l, phrases.SignInTitle)
	w.Markup(`<meta http-equiv="refresh"`)
	w.Refresh("0", target)
	w.Markup(">\n")
	beginMain(w, l.Text(phrases.SignInTitle))
	w.Markup("<p>")
	drawLink(w, target, l.Text(phrases.ContinueButton))
	w.Markup("</p>\n")
	endPage(w)
	r.Status = http.StatusOK
	r.inLanguage(l.Tag)
	r.html(w.Bytes(), "form-action 'none'")
}

// redirectHTMX makes htmx open the target of a redirect, which its request would otherwise follow invisibly.
func (r *Response) redirectHTMX() {
	if r.target == "" {
		return
	}
	r.Status, r.Body = http.StatusOK, nil
	r.Header.Set("HX-Redirect", r.target)
	r.Header.Del("Location")
}

// cookieSize returns the size of the cookies in the header.
func (r *Response) cookieSize() (size int) {
	for _, c := range r.Cookies {
		size += len("Set-Cookie: \r\n") + len(c.String())
	}
	return size
}
