package web

import (
	"net/http"

	"github.com/fibermsal/fibermsal/internal/markup"
	"github.com/fibermsal/fibermsal/internal/phrases"
)

// Proxies such as nginx have, by default, 4 kB for the whole header of a response, and answer 502 to a
// longer one. The app and the proxy need the rest.
const (
	// maxRedirect limits the Location and the cookies of a redirect.
	maxRedirect = 3 << 10
	// maxCookies limits the cookies of a response that has no Location.
	maxCookies = 3400
)

// redirect sends the browser on with 303, which never repeats a POST (threat A13), after all cookies have
// been set. If the header would become too long for proxies, a page sends it on.
func (r *Response) redirect(in *Request, target string) {
	r.target = target
	if len(target)+r.cookieSize() > maxRedirect {
		r.continueAt(in.language(), target)
		return
	}
	r.Status = http.StatusSeeOther
	r.Header.Set("Location", target)
}

// continueAt redirects by the body, which may have any length. The page has no script, and contains nothing
// from a request but the target (threat A10).
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

// redirectHTMX lets htmx open the target of a redirect, which its request would follow unseen.
func (r *Response) redirectHTMX() {
	if r.target == "" {
		return
	}
	r.Status, r.Body = http.StatusOK, nil
	r.Header.Set("HX-Redirect", r.target)
	r.Header.Del("Location")
}

// cookieSize returns what the cookies take of the header.
func (r *Response) cookieSize() (size int) {
	for _, c := range r.Cookies {
		size += len("Set-Cookie: \r\n") + len(c.String())
	}
	return size
}
