package web

import (
	"net/http"

	"github.com/fibermsal/fibermsal/internal/markup"
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
func (r *Response) redirect(target string) {
	r.target = target
	if len(target)+r.cookieSize() > maxRedirect {
		r.continueAt(target)
		return
	}
	r.Status = http.StatusSeeOther
	r.Header.Set("Location", target)
}

// continueAt redirects by the body, which may have any length. The page has no script, and contains nothing
// from a request but the target (threat A10).
func (r *Response) continueAt(target string) {
	w := &markup.Writer{}
	w.Markup(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="robots" content="noindex">
<meta http-equiv="refresh"`)
	w.Refresh("0", target)
	w.Markup(`>
<link rel="icon" href="data:,">
<title>Sign-in</title>
</head>
<body><p><a`)
	w.URL("href", target)
	w.Markup(">Continue</a></p></body>\n</html>\n")
	r.Status, r.Body = http.StatusOK, w.Bytes()
	r.Header.Set("Content-Type", "text/html; charset=utf-8")
	r.Header.Set("Content-Security-Policy", "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
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
